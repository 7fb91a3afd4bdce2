package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const largest = 64 << 20

// raw is a codec of messages that are bytes already.
type raw struct{}

func (raw) Name() string                  { return "raw" }
func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte{}, data...)
	return nil
}

// echo is the service interop.Echo, which peers.toml describes.
type echo struct {
	port             string
	begun, cancelled atomic.Int64
	deadline         atomic.Int64
	lock             sync.Mutex
	current          *grpc.Server
}

func serveGRPC(port string) error {
	return (&echo{port: port}).start()
}

func (e *echo) start() error {
	listener, err := net.Listen("tcp", "127.0.0.1:"+e.port)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.MaxRecvMsgSize(largest), grpc.MaxSendMsgSize(largest))
	server.RegisterService(e.describe(), e)
	e.lock.Lock()
	e.current = server
	e.lock.Unlock()
	go func() { _ = server.Serve(listener) }()
	return nil
}

func (e *echo) describe() *grpc.ServiceDesc {
	unary := func(name string, call func(context.Context, []byte) ([]byte, error)) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var request []byte
			if err := decode(&request); err != nil {
				return nil, err
			}
			answer, err := call(ctx, request)
			return &answer, err
		}}
	}
	return &grpc.ServiceDesc{
		ServiceName: "interop.Echo",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			unary("Unary", e.unary), unary("Fail", e.fail), unary("Slow", e.slow), unary("Count", e.count), unary("Drain", e.drain),
		},
		Streams: []grpc.StreamDesc{
			{StreamName: "ServerStream", Handler: serverStream, ServerStreams: true},
			{StreamName: "ClientStream", Handler: clientStream, ClientStreams: true},
			{StreamName: "Bidi", Handler: bidi, ServerStreams: true, ClientStreams: true},
		},
	}
}

func (e *echo) unary(ctx context.Context, request []byte) ([]byte, error) {
	fields, _ := metadata.FromIncomingContext(ctx)
	head, trail := metadata.MD{}, metadata.MD{}
	for name, values := range fields {
		if rest, ours := strings.CutPrefix(name, "x-"); ours {
			head["back-"+rest], trail["trail-"+rest] = values, values
		}
	}
	if err := grpc.SetHeader(ctx, head); err != nil {
		return nil, err
	}
	return request, grpc.SetTrailer(ctx, trail)
}

func (e *echo) fail(_ context.Context, request []byte) ([]byte, error) {
	code, text, _ := strings.Cut(string(request), " ")
	number, err := strconv.ParseUint(code, 10, 32)
	if err != nil {
		return nil, err
	}
	return nil, status.Error(codes.Code(number), text)
}

func (e *echo) slow(ctx context.Context, request []byte) ([]byte, error) {
	millis, err := strconv.Atoi(string(request))
	if err != nil {
		return nil, err
	}
	left := int64(-1)
	if at, limited := ctx.Deadline(); limited {
		left = time.Until(at).Milliseconds()
	}
	e.deadline.Store(left)
	e.begun.Add(1)
	if err := grpc.SendHeader(ctx, metadata.Pairs("slow", "begun")); err != nil {
		e.cancelled.Add(1)
		return nil, err
	}
	select {
	case <-time.After(time.Duration(millis) * time.Millisecond):
		return []byte("slept"), nil
	case <-ctx.Done():
		e.cancelled.Add(1)
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

func (e *echo) count(context.Context, []byte) ([]byte, error) {
	return fmt.Appendf(nil, "%d %d %d", e.begun.Load(), e.cancelled.Load(), e.deadline.Load()), nil
}

func (e *echo) drain(context.Context, []byte) ([]byte, error) {
	e.lock.Lock()
	old := e.current
	e.lock.Unlock()
	go old.GracefulStop()
	go func() {
		// The port is free as soon as the old server has begun to stop.
		_ = until("the port", func() (bool, error) { return e.start() == nil, nil })
	}()
	return nil, nil
}

func serverStream(_ any, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	var count, size int
	if _, err := fmt.Sscan(string(request), &count, &size); err != nil {
		return err
	}
	for i := range count {
		message := filled(i, size)
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
	return nil
}

func clientStream(_ any, stream grpc.ServerStream) error {
	for count, size := 0, 0; ; count++ {
		var message []byte
		switch err := stream.RecvMsg(&message); err {
		case nil:
			size += len(message)
		case io.EOF:
			answer := fmt.Appendf(nil, "%d %d", count, size)
			return stream.SendMsg(&answer)
		default:
			return err
		}
	}
}

func bidi(_ any, stream grpc.ServerStream) error {
	for {
		var message []byte
		switch err := stream.RecvMsg(&message); err {
		case nil:
			if err := stream.SendMsg(&message); err != nil {
				return err
			}
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// filled is message i of a stream.
func filled(i, size int) []byte {
	message := make([]byte, size)
	for at := range message {
		message[at] = byte(i % 251)
	}
	return message
}
