// A Thrift peer with Kitex: `kitex FLAVOUR server PORT SECONDS`, `kitex FLAVOUR client HOST:PORT CASE...`,
// `kitex version`.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cloudwego/kitex"
	"github.com/cloudwego/kitex/pkg/klog"
)

func main() {
	klog.SetOutput(os.Stderr)
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "version":
		fmt.Println(strings.TrimPrefix(kitex.Version, "v"))
		return nil
	case len(args) == 4 && args[1] == "server":
		return live(args[0], args[2], args[3])
	case len(args) > 3 && args[1] == "client":
		c, err := newCases(args[0], args[2])
		if err == nil {
			ask(c, args[3:])
		}
		return err
	}
	return fmt.Errorf("cannot do %q", args)
}

func live(flavour, port, seconds string) error {
	life, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	if err := serve(flavour, port); err != nil {
		return err
	}
	fmt.Println("READY", port)
	time.AfterFunc(time.Duration(life)*time.Second, func() { os.Exit(1) })
	// The end of input is the end.
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

func ask(c *cases, names []string) {
	for _, name := range names {
		if remark, err := c.run(name); err != nil {
			fmt.Printf("%s FAIL %.300s\n", name, strings.Join(strings.Fields(err.Error()), " "))
		} else {
			fmt.Printf("%s ok %s\n", name, remark)
		}
	}
}
