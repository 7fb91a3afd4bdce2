package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/apache/thrift/lib/go/thrift"

	"meshwire/thrift-go/target/gen/echo"
)

// service is the service, as its description has it.
type service struct {
	mutex sync.Mutex
	posts map[string]int32
}

// serve returns once it listens.
func serve(f flavour, port string) error {
	processor := thrift.NewTMultiplexedProcessor()
	own := echo.NewEchoProcessor(&service{posts: map[string]int32{}})
	processor.RegisterProcessor("Echo", own)
	processor.RegisterDefault(own)
	socket, err := thrift.NewTServerSocket("127.0.0.1:" + port)
	if err != nil {
		return err
	}
	s := thrift.NewTSimpleServer4(processor, socket, f.transport, f.serverProtocol)
	s.SetLogContext(context.Background())
	if err := s.Listen(); err != nil {
		return err
	}
	go func() { _ = s.AcceptLoop() }()
	return nil
}

func (s *service) Call(ctx context.Context, text string) (string, error) {
	if names, asked := strings.CutPrefix(text, "fields "); asked {
		var fields []string
		for name := range strings.FieldsSeq(names) {
			value, _ := thrift.GetHeader(ctx, name)
			fields = append(fields, name+"="+value)
		}
		return strings.Join(fields, " "), nil
	}
	return text, nil
}

func (s *service) Post(_ context.Context, text string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.posts[text]++
	return nil
}

func (s *service) Posted(_ context.Context, text string) (int32, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.posts[text], nil
}

func (s *service) Refuse(_ context.Context, code int32) (string, error) {
	return "", &echo.Refused{Code: code, Why: fmt.Sprint("no ", code)}
}

func (s *service) Nested(_ context.Context, value *echo.Nested) (*echo.Nested, error) {
	return value, nil
}

func (s *service) Bytes(_ context.Context, data []byte) ([]byte, error) {
	return data, nil
}

func (s *service) Ping(context.Context) error {
	return nil
}
