// Peers in Go: `interop http2|grpc server PORT SECONDS`, `interop http2|grpc client HOST:PORT CASE...`,
// `interop http2|grpc version`.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// peer is what one library can do at both ends.
type peer struct {
	version string
	// serve returns once it listens.
	serve func(port string) error
	// cases are made for the server at address.
	cases func(address string) (map[string]func() (string, error), error)
}

var peers = map[string]peer{
	"http2": {version: strings.TrimPrefix(runtime.Version(), "go"), serve: serveHTTP, cases: casesHTTP},
	"grpc":  {version: grpc.Version, serve: serveGRPC, cases: casesGRPC},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("interop http2|grpc server|client|version ...")
	}
	p, known := peers[args[0]]
	switch {
	case known && args[1] == "version":
		fmt.Println(p.version)
		return nil
	case known && args[1] == "server" && len(args) == 4:
		return server(p, args[2], args[3])
	case known && args[1] == "client" && len(args) > 3:
		client(p, args[2], args[3:])
		return nil
	}
	return fmt.Errorf("cannot do %q", args)
}

func server(p peer, port, seconds string) error {
	life, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	if err := p.serve(port); err != nil {
		return err
	}
	fmt.Println("READY", port)
	time.AfterFunc(time.Duration(life)*time.Second, func() { os.Exit(1) })
	// The end of input is the end.
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

func client(p peer, address string, names []string) {
	cases, err := p.cases(address)
	for _, name := range names {
		remark, failed := "", err
		if failed == nil {
			if run := cases[name]; run != nil {
				remark, failed = run()
			} else {
				failed = errors.New("no such case")
			}
		}
		if failed != nil {
			fmt.Printf("%s FAIL %.300s\n", name, strings.Join(strings.Fields(failed.Error()), " "))
		} else {
			fmt.Printf("%s ok %s\n", name, remark)
		}
	}
}

// numbered is the lines "1", "2", ... cut at size: no two places in it look the same.
func numbered(size int) []byte {
	bytes := make([]byte, 0, size+20)
	for i := int64(1); len(bytes) < size; i++ {
		bytes = append(strconv.AppendInt(bytes, i, 10), '\n')
	}
	return bytes[:size]
}

// together runs n of these at once, and answers with the first error.
func together(n int, run func(i int) error) error {
	done := make(chan error, n)
	for i := range n {
		go func() { done <- run(i) }()
	}
	var first error
	for range n {
		if err := <-done; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// until waits for a condition for at most five seconds.
func until(what string, holds func() (bool, error)) error {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok, err := holds(); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: not within 5 s", what)
}
