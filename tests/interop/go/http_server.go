package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

func serveHTTP(port string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: site(), Protocols: &http.Protocols{}}
	server.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = server.Serve(listener) }()
	return nil
}

// site is what peers.toml says that servers offer.
func site() http.Handler {
	numbers := numbered(16 << 20)
	var cut atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "index\n")
	})
	mux.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "hello.txt", time.Time{}, bytes.NewReader([]byte("hello\n")))
	})
	mux.HandleFunc("/numbers", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "numbers.txt", time.Time{}, bytes.NewReader(numbers))
	})
	mux.HandleFunc("/echo", echoBody)
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "x-end, x-sum-back")
		echoBody(w, r)
		w.Header().Set("x-end", "yes")
		w.Header().Set("x-sum-back", r.Trailer.Get("x-sum"))
	})
	mux.HandleFunc("/early", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		_, _ = io.WriteString(w, "early\n")
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for piece := make([]byte, 1000); ; {
			if _, err := w.Write(piece); err != nil {
				cut.Add(1)
				return
			}
		}
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, cut.Load())
	})
	return mux
}

func echoBody(w http.ResponseWriter, r *http.Request) {
	if kind := r.Header.Get("Content-Type"); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil && r.ProtoMajor == 1 {
		panic(err)
	}
	w.WriteHeader(http.StatusOK)
	piece := make([]byte, 64<<10)
	for {
		n, err := r.Body.Read(piece)
		if _, failed := w.Write(piece[:n]); err != nil || failed != nil {
			return
		}
	}
}
