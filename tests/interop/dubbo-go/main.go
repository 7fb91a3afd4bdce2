// A Dubbo peer with dubbo-go: `dubbo-go hessian2 server PORT SECONDS`, `dubbo-go hessian2 client HOST:PORT CASE...`,
// `dubbo-go version`.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"dubbo.apache.org/dubbo-go/v3/common/constant"
	"dubbo.apache.org/dubbo-go/v3/remoting/getty"
	"github.com/dubbogo/gost/log/logger"
)

func main() {
	logger.SetLoggerLevel("error")
	setGetty()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "version":
		fmt.Println(constant.Version)
		return nil
	case len(args) == 4 && args[1] == "server":
		return live(args[2], args[3])
	case len(args) > 3 && args[1] == "client":
		ask(newCases(args[2]), args[3:])
		return nil
	}
	return fmt.Errorf("cannot do %q", args)
}

// setGetty sets what both ends do with their connections: one for each server, large messages, and a sign of life every
// second; a server counts those that all its clients together leave unanswered, which some always do.
func setGetty() {
	server := getty.GetDefaultServerConfig()
	server.HeartbeatPeriod, server.HeartbeatTimeout, server.SessionTimeout = "3s", "1s", "30s"
	server.GettySessionParam.MaxMsgLen = 64 << 20
	getty.SetServerConfig(*server)
	client := getty.GetDefaultClientConfig()
	client.ConnectionNum = 1
	client.HeartbeatPeriod, client.HeartbeatTimeout, client.SessionTimeout = "1s", "1s", "30s"
	client.GettySessionParam.MaxMsgLen = 64 << 20
	getty.SetClientConf(*client)
}

func live(port, seconds string) error {
	life, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	if err := serve(port); err != nil {
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
