package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dubbo.apache.org/dubbo-go/v3/common"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	"dubbo.apache.org/dubbo-go/v3/protocol/base"
	"dubbo.apache.org/dubbo-go/v3/protocol/dubbo"
	"dubbo.apache.org/dubbo-go/v3/protocol/invocation"
)

const timeout = 30 * time.Second

// link calls a service's methods on the connection to its server, which all links share.
type link struct {
	invoker base.Invoker
}

func connect(address, service string) (*link, error) {
	url, err := common.NewURL("dubbo://"+address+"/"+service,
		common.WithParamsValue(constant.InterfaceKey, service),
		common.WithParamsValue(constant.VersionKey, version),
		common.WithParamsValue(constant.TimeoutKey, timeout.String()))
	if err != nil {
		return nil, err
	}
	invoker := dubbo.GetProtocol().Refer(url)
	if invoker == nil {
		return nil, errors.New("no connection")
	}
	return &link{invoker}, nil
}

// with makes a call with these attachments.
func (l *link) with(attachments map[string]any, reply any, method string, arguments ...any) (map[string]any, error) {
	sent := map[string]any{}
	for name, value := range attachments {
		sent[name] = value
	}
	call := invocation.NewRPCInvocationWithOptions(invocation.WithMethodName(method), invocation.WithArguments(arguments),
		invocation.WithReply(reply), invocation.WithAttachments(sent))
	result := l.invoker.Invoke(context.Background(), call)
	return result.Attachments(), result.Error()
}

func (l *link) text(method string, arguments ...any) (string, error) {
	var reply string
	_, err := l.with(nil, &reply, method, arguments...)
	return reply, err
}

// post asks for no answer.
func (l *link) post(method string, arguments ...any) error {
	_, err := l.with(map[string]any{constant.AsyncKey: "true"}, nil, method, arguments...)
	return err
}

// sockets are the inodes of this process's connections to a port.
func sockets(port int) ([]string, error) {
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, file := range files {
		// Closed meanwhile, if it fails.
		target, _ := os.Readlink(file)
		own[target] = true
	}
	var found []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		lines, err := os.ReadFile(table)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(lines)) {
			// 2: the other end, 3: the state (01 is established), 9: the inode
			field := strings.Fields(line)
			if len(field) > 9 && field[3] == "01" && strings.HasSuffix(field[2], fmt.Sprintf(":%04X", port)) &&
				own["socket:["+field[9]+"]"] {
				found = append(found, field[9])
			}
		}
	}
	slices.Sort(found)
	return found, nil
}
