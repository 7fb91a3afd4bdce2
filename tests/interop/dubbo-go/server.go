package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	_ "dubbo.apache.org/dubbo-go/v3/cluster/cluster/failover"
	_ "dubbo.apache.org/dubbo-go/v3/cluster/loadbalance/random"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	_ "dubbo.apache.org/dubbo-go/v3/filter/accesslog"
	_ "dubbo.apache.org/dubbo-go/v3/filter/echo"
	_ "dubbo.apache.org/dubbo-go/v3/filter/exec_limit"
	_ "dubbo.apache.org/dubbo-go/v3/filter/generic"
	_ "dubbo.apache.org/dubbo-go/v3/filter/graceful_shutdown"
	_ "dubbo.apache.org/dubbo-go/v3/filter/token"
	_ "dubbo.apache.org/dubbo-go/v3/filter/tps"
	"dubbo.apache.org/dubbo-go/v3/protocol"
	_ "dubbo.apache.org/dubbo-go/v3/protocol/dubbo"
	_ "dubbo.apache.org/dubbo-go/v3/proxy/proxy_factory"
	"dubbo.apache.org/dubbo-go/v3/server"
	"github.com/apache/dubbo-go-hessian2/java_exception"
)

const version = "1.0.0"

// Service is what every Dubbo peer offers. Its methods' names are found with a small first letter, too.
type Service struct {
	name  string
	mutex sync.Mutex
	notes map[string]bool
	held  []chan struct{}
}

// Reference tells one service from another.
func (s *Service) Reference() string { return s.name }

func serve(port string) error {
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	srv, err := server.NewServer(
		server.WithServerProtocol(protocol.WithDubbo(), protocol.WithIp("127.0.0.1"), protocol.WithPort(number)),
		server.WithServerNotRegister(),
	)
	if err != nil {
		return err
	}
	for _, name := range []string{"interop.Echo", "interop.Added", "interop.Streamed"} {
		service := &Service{name: name, notes: map[string]bool{}}
		if err := srv.Register(service, nil, server.WithInterface(name), server.WithVersion(version)); err != nil {
			return err
		}
		// Not Serve, which would offer its metadata too, on every address.
		if err := srv.GetServiceOptions(name).Export(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) Hello(_ context.Context, name string) (string, error) {
	return "hello " + name, nil
}

func (s *Service) Add(_ context.Context, a, b int32) (int32, error) {
	return a + b, nil
}

func (s *Service) Note(_ context.Context, mark string) (string, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.notes[mark] = true
	return "noted", nil
}

func (s *Service) Noted(_ context.Context, mark string) (string, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.notes[mark] {
		return "yes", nil
	}
	return "no", nil
}

func (s *Service) Echo(_ context.Context, body []byte) ([]byte, error) {
	return body, nil
}

func (s *Service) Fail(_ context.Context, why string) (string, error) {
	// Of a class that Java lets in, which its Throwable is not.
	return "", java_exception.NewIllegalStateException(why)
}

func (s *Service) Later(_ context.Context, text string, millis int32) (string, error) {
	time.Sleep(time.Duration(millis) * time.Millisecond)
	return text, nil
}

func (s *Service) Deferred(ctx context.Context, text string, millis int32) (string, error) {
	return s.Later(ctx, text, millis)
}

// Held answers once count of these calls wait, the last that came first.
func (s *Service) Held(_ context.Context, text string, count int32) (string, error) {
	ready := make(chan struct{})
	s.mutex.Lock()
	s.held = append(s.held, ready)
	if len(s.held) >= int(count) {
		for _, each := range slices.Backward(s.held) {
			close(each)
		}
		s.held = nil
	}
	s.mutex.Unlock()
	<-ready
	return text, nil
}

func (s *Service) Seen(ctx context.Context, names string) (string, error) {
	// The same map goes back with the answer.
	attachments, _ := ctx.Value(constant.AttachmentKey).(map[string]any)
	var lines []string
	for name := range strings.SplitSeq(names, " ") {
		value, known := attachments[name]
		lines = append(lines, name+"="+shown(value))
		if known {
			attachments["back-"+name] = value
		}
	}
	return strings.Join(lines, "\n"), nil
}

func shown(value any) string {
	switch value := value.(type) {
	case nil:
		return "-"
	case string:
		return "text:" + value
	case int32, int64:
		return fmt.Sprint("int:", value)
	case bool:
		return fmt.Sprint("bool:", value)
	}
	return fmt.Sprintf("other:%T", value)
}

func (s *Service) SeenBeside(ctx context.Context, body []byte, names string) (string, error) {
	lines, err := s.Seen(ctx, names)
	return summary(body) + "\n" + lines, err
}

// summary tells one body from another.
func summary(body []byte) string {
	return fmt.Sprintf("%d %x", len(body), sha256.Sum256(body))
}

func (s *Service) Mirror(_ context.Context, a, b, c, d, e, f, g, h, i, j any) ([]any, error) {
	return []any{a, b, c, d, e, f, g, h, i, j}, nil
}

func (s *Service) MirrorThing(_ context.Context, thing *Thing) (*Thing, error) {
	return thing, nil
}
