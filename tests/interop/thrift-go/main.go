// A Thrift peer with Apache's library: `thrift-go FLAVOUR server PORT SECONDS`,
// `thrift-go FLAVOUR client HOST:PORT CASE...`, `thrift-go version`.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "version":
		return version()
	case len(args) == 4 && args[1] == "server":
		f, err := flavourOf(args[0])
		if err != nil {
			return err
		}
		return server(f, args[2], args[3])
	case len(args) > 3 && args[1] == "client":
		f, err := flavourOf(args[0])
		if err != nil {
			return err
		}
		client(&cases{flavour: f, address: args[2]}, args[3:])
		return nil
	}
	return fmt.Errorf("cannot do %q", args)
}

// The library does not tell its own version.
func version() error {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/apache/thrift" {
				fmt.Println(strings.TrimPrefix(module.Version, "v"))
				return nil
			}
		}
	}
	return errors.New("built without the library")
}

func server(f flavour, port, seconds string) error {
	life, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	if err := serve(f, port); err != nil {
		return err
	}
	fmt.Println("READY", port)
	time.AfterFunc(time.Duration(life)*time.Second, func() { os.Exit(1) })
	// The end of input is the end.
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

func client(c *cases, names []string) {
	for _, name := range names {
		if remark, err := c.run(name); err != nil {
			fmt.Printf("%s FAIL %.300s\n", name, strings.Join(strings.Fields(err.Error()), " "))
		} else {
			fmt.Printf("%s ok %s\n", name, remark)
		}
	}
}
