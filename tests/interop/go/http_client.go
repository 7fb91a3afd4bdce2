package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

type browser struct {
	base   string
	client *http.Client
	// connections counts those made.
	connections atomic.Int64
}

func casesHTTP(address string) (map[string]func() (string, error), error) {
	b := &browser{base: "http://" + address}
	transport := &http.Transport{Protocols: &http.Protocols{}, ExpectContinueTimeout: 20 * time.Second}
	transport.Protocols.SetUnencryptedHTTP2(true)
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		b.connections.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	b.client = &http.Client{Transport: transport, Timeout: time.Minute}
	return map[string]func() (string, error){
		"get": b.get, "post": b.post, "head": b.head, "upload-16m": b.upload, "download-16m": b.download, "trailers": b.trailers,
		"expect-100": b.expect, "early-hints": b.early, "concurrent": b.concurrent, "reset": b.reset,
	}, nil
}

// fetch makes a request and checks status and version.
func (b *browser) fetch(request *http.Request, code int) ([]byte, *http.Response, error) {
	response, err := b.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != code || response.ProtoMajor != 2) {
		err = fmt.Errorf("%s %s", response.Proto, response.Status)
	}
	return body, response, err
}

func (b *browser) request(method, path string, body []byte) *http.Request {
	request, err := http.NewRequest(method, b.base+path, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	return request
}

func (b *browser) is(request *http.Request, code int, want []byte) (*http.Response, error) {
	got, response, err := b.fetch(request, code)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("expected %d bytes, got other %d", len(want), len(got))
	}
	return response, err
}

func (b *browser) get() (string, error) {
	if _, err := b.is(b.request("GET", "/hello", nil), 200, []byte("hello\n")); err != nil {
		return "", err
	}
	_, _, err := b.fetch(b.request("GET", "/nothing-here", nil), 404)
	return "", err
}

func (b *browser) post() (string, error) {
	sent := numbered(100_000)
	_, err := b.is(b.request("POST", "/echo", sent), 200, sent)
	return "", err
}

func (b *browser) head() (string, error) {
	response, err := b.is(b.request("HEAD", "/numbers", nil), 200, nil)
	if err == nil && response.ContentLength != 16<<20 {
		err = fmt.Errorf("content-length is %d", response.ContentLength)
	}
	return "", err
}

func (b *browser) upload() (string, error) {
	sent := numbered(16 << 20)
	if _, err := b.is(b.request("POST", "/echo", sent), 200, sent); err != nil {
		return "", err
	}
	// And without a length.
	request := b.request("POST", "/echo", sent)
	request.ContentLength, request.Body = -1, io.NopCloser(bytes.NewReader(sent))
	_, err := b.is(request, 200, sent)
	return "", err
}

func (b *browser) download() (string, error) {
	_, err := b.is(b.request("GET", "/numbers", nil), 200, numbered(16<<20))
	return "", err
}

func (b *browser) trailers() (string, error) {
	request := b.request("POST", "/trailers", []byte("body"))
	request.ContentLength = -1
	request.Trailer = http.Header{"X-Sum": {"of the body"}}
	response, err := b.is(request, 200, []byte("body"))
	if err == nil && response.Trailer.Get("x-end") != "yes" {
		err = fmt.Errorf("trailers: %v", response.Trailer)
	}
	if err == nil && response.Trailer.Get("x-sum-back") != "of the body" && !strings.HasPrefix(response.Header.Get("server"), "nghttpd") {
		err = fmt.Errorf("the request's trailers: %v", response.Trailer)
	}
	return "", err
}

func (b *browser) informed(request *http.Request, want []byte, code int) (textproto.MIMEHeader, error) {
	var seen textproto.MIMEHeader
	trace := httptrace.ClientTrace{Got1xxResponse: func(got int, header textproto.MIMEHeader) error {
		if got == code {
			seen = header
		}
		return nil
	}}
	_, err := b.is(request.WithContext(httptrace.WithClientTrace(request.Context(), &trace)), 200, want)
	if err == nil && seen == nil {
		err = fmt.Errorf("there was no %d", code)
	}
	return seen, err
}

func (b *browser) expect() (string, error) {
	sent := numbered(100_000)
	request := b.request("POST", "/echo", sent)
	request.Header.Set("Expect", "100-continue")
	_, err := b.informed(request, sent, 100)
	return "", err
}

func (b *browser) early() (string, error) {
	hints, err := b.informed(b.request("GET", "/early", nil), []byte("early\n"), 103)
	if link := hints.Get("Link"); err == nil && link != "</style.css>; rel=preload" {
		err = fmt.Errorf("link: %s", link)
	}
	return "", err
}

func (b *browser) concurrent() (string, error) {
	if _, err := b.get(); err != nil {
		return "", err
	}
	before := b.connections.Load()
	err := together(100, func(i int) error {
		for n := range 10 {
			sent := filled(i+n, 3000)
			if _, err := b.is(b.request("POST", "/echo", sent), 200, sent); err != nil {
				return err
			}
		}
		return nil
	})
	if now := b.connections.Load(); err == nil && now != before {
		err = fmt.Errorf("%d more connections", now-before)
	}
	return "1000 requests, 100 at once", err
}

func (b *browser) reset() (string, error) {
	before, err := b.cuts()
	if err != nil {
		return "", err
	}
	connections := b.connections.Load()
	for range 20 {
		ctx, stop := context.WithCancel(context.Background())
		response, err := b.client.Do(b.request("GET", "/endless", nil).WithContext(ctx))
		if err == nil {
			_, err = io.CopyN(io.Discard, response.Body, 200_000)
			stop()
			response.Body.Close()
		}
		stop()
		if err != nil {
			return "", err
		}
	}
	err = until("the server sees the resets", func() (bool, error) {
		now, err := b.cuts()
		return now == before+20, err
	})
	if now := b.connections.Load(); err == nil && now != connections {
		err = errors.New("another connection was needed")
	}
	return "", err
}

func (b *browser) cuts() (int, error) {
	text, _, err := b.fetch(b.request("GET", "/cut", nil), 200)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(text))
}
