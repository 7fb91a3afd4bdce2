package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/server"

	"meshwire/kitex/target/gen/echo"
	service "meshwire/kitex/target/gen/echo/echo"
)

// handler is the service, as its description has it.
type handler struct {
	mutex sync.Mutex
	posts map[string]int32
}

// serve returns once it listens. It finds out itself what a client speaks.
func serve(flavour, port string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	options := []server.Option{server.WithListener(listener), server.WithMetaHandler(transmeta.ServerTTHeaderHandler)}
	if flavour == mux {
		options = append(options, server.WithMuxTransport())
	}
	s := service.NewServer(&handler{posts: map[string]int32{}}, options...)
	go func() { panic(s.Run()) }()
	return nil
}

func (h *handler) Call(ctx context.Context, text string) (string, error) {
	if names, asked := strings.CutPrefix(text, "fields "); asked {
		var fields []string
		for name := range strings.FieldsSeq(names) {
			value, persistent := metainfo.GetPersistentValue(ctx, name)
			if !persistent {
				value, _ = metainfo.GetValue(ctx, name)
			}
			fields = append(fields, name+"="+value)
		}
		text = strings.Join(fields, " ")
		// Kitex sends the name as it is, volo with the prefix.
		metainfo.SendBackwardValues(ctx, "BACK", text, metainfo.PrefixBackward+"BACK", text)
	}
	var millis int
	if n, _ := fmt.Sscanf(text, "wait %d", &millis); n == 1 {
		time.Sleep(time.Duration(millis) * time.Millisecond)
	}
	return text, nil
}

func (h *handler) Post(_ context.Context, text string) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.posts[text]++
	return nil
}

func (h *handler) Posted(_ context.Context, text string) (int32, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.posts[text], nil
}

func (h *handler) Refuse(_ context.Context, code int32) (string, error) {
	return "", &echo.Refused{Code: code, Why: fmt.Sprint("no ", code)}
}

func (h *handler) Nested(_ context.Context, value *echo.Nested) (*echo.Nested, error) {
	return value, nil
}

func (h *handler) Bytes(_ context.Context, data []byte) ([]byte, error) {
	return data, nil
}

func (h *handler) Ping(context.Context) error {
	return nil
}
