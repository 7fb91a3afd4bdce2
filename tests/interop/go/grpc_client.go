package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// caller calls interop.Echo, all of it on one connection.
type caller struct {
	conn *grpc.ClientConn
	// connections counts those begun.
	connections atomic.Int64
}

func casesGRPC(address string) (map[string]func() (string, error), error) {
	c := &caller{}
	again := backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.5, MaxDelay: 100 * time.Millisecond}
	conn, err := grpc.NewClient("passthrough:"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: again, MinConnectTimeout: 5 * time.Second}), grpc.WithStatsHandler(c),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}), grpc.MaxCallRecvMsgSize(largest), grpc.MaxCallSendMsgSize(largest)))
	c.conn = conn
	return map[string]func() (string, error){
		"unary": c.unary, "server-stream": c.serverStream, "client-stream": c.clientStream, "bidi": c.bidi, "metadata": c.metadata,
		"deadline": c.deadline, "large": c.large, "error": c.failure, "cancel": c.cancel, "concurrent": c.concurrent,
		"rapid-cancel": c.rapidCancel, "full-rate": c.fullRate, "goaway": c.goAway,
	}, err
}

func (c *caller) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (c *caller) HandleRPC(context.Context, stats.RPCStats)                         {}
func (c *caller) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c *caller) HandleConn(_ context.Context, event stats.ConnStats) {
	if _, begun := event.(*stats.ConnBegin); begun {
		c.connections.Add(1)
	}
}

func (c *caller) call(ctx context.Context, method string, request []byte, options ...grpc.CallOption) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	var answer []byte
	err := c.conn.Invoke(ctx, "/interop.Echo/"+method, &request, &answer, options...)
	return answer, err
}

func (c *caller) echoed(sent []byte) error {
	got, err := c.call(context.Background(), "Unary", sent)
	if err == nil && !bytes.Equal(sent, got) {
		err = fmt.Errorf("%d bytes went, other %d came back", len(sent), len(got))
	}
	return err
}

func (c *caller) counts() (begun, cancelled, deadline int64, err error) {
	answer, err := c.call(context.Background(), "Count", nil)
	if err == nil {
		_, err = fmt.Sscan(string(answer), &begun, &cancelled, &deadline)
	}
	return
}

func (c *caller) open(method string) (grpc.ClientStream, context.CancelFunc, error) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/interop.Echo/"+method)
	return stream, stop, err
}

func (c *caller) unary() (string, error) {
	for size := range 100 {
		if err := c.echoed(numbered(size * size)); err != nil {
			return "", err
		}
	}
	return "", nil
}

func (c *caller) streamed(count, size int) error {
	stream, stop, err := c.open("ServerStream")
	if err != nil {
		return err
	}
	defer stop()
	request := fmt.Appendf(nil, "%d %d", count, size)
	if err := errors.Join(stream.SendMsg(&request), stream.CloseSend()); err != nil {
		return err
	}
	for i := range count {
		var got []byte
		if err := stream.RecvMsg(&got); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		if !bytes.Equal(got, filled(i, size)) {
			return fmt.Errorf("message %d is another", i)
		}
	}
	var more []byte
	if err := stream.RecvMsg(&more); err != io.EOF {
		return fmt.Errorf("the end: %v", err)
	}
	return nil
}

func (c *caller) serverStream() (string, error) {
	return "", errors.Join(c.streamed(1000, 1000), c.streamed(0, 0), c.streamed(3, 100_000), c.streamed(5, 0))
}

func (c *caller) sent(count, size int) error {
	stream, stop, err := c.open("ClientStream")
	if err != nil {
		return err
	}
	defer stop()
	message := make([]byte, size)
	for range count {
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
	var answer []byte
	if err := errors.Join(stream.CloseSend(), stream.RecvMsg(&answer)); err != nil {
		return err
	}
	if want := fmt.Sprintf("%d %d", count, count*size); string(answer) != want {
		return fmt.Errorf("expected %s, got %s", want, answer)
	}
	return nil
}

func (c *caller) clientStream() (string, error) {
	return "", errors.Join(c.sent(1000, 1000), c.sent(0, 0), c.sent(3, 100_000), c.sent(5, 0))
}

func (c *caller) bidi() (string, error) {
	stream, stop, err := c.open("Bidi")
	if err != nil {
		return "", err
	}
	defer stop()
	for i := range 100 {
		sent, got := filled(i, i*10), []byte{}
		if err := errors.Join(stream.SendMsg(&sent), stream.RecvMsg(&got)); err != nil {
			return "", err
		}
		if !bytes.Equal(sent, got) {
			return "", fmt.Errorf("message %d is another", i)
		}
	}
	writing := make(chan error, 1)
	go func() {
		for i := range 2000 {
			message := filled(i, 1000)
			if err := stream.SendMsg(&message); err != nil {
				writing <- err
				return
			}
		}
		writing <- stream.CloseSend()
	}()
	for i := range 2000 {
		var got []byte
		if err := stream.RecvMsg(&got); err != nil {
			return "", err
		}
		if !bytes.Equal(got, filled(i, 1000)) {
			return "", fmt.Errorf("message %d of many is another", i)
		}
	}
	var more []byte
	if err := stream.RecvMsg(&more); err != io.EOF {
		return "", fmt.Errorf("the end: %v", err)
	}
	return "", <-writing
}

func (c *caller) metadata() (string, error) {
	bin := string([]byte{0, 1, 0xfe, 0xff, 0, '\n', ','})
	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-text", "plain text, with = and ;", "x-many", "one", "x-many", "two",
		"x-one-bin", bin, "x-empty-bin", "", "x-long", string(bytes.Repeat([]byte("long-"), 400)))
	sent, _ := metadata.FromOutgoingContext(ctx)
	var head, trail metadata.MD
	if _, err := c.call(ctx, "Unary", nil, grpc.Header(&head), grpc.Trailer(&trail)); err != nil {
		return "", err
	}
	for name, values := range sent {
		if got := head["back-"+name[2:]]; !slices.Equal(got, values) {
			return "", fmt.Errorf("%s in the head: expected %q, got %q", name, values, got)
		}
		if got := trail["trail-"+name[2:]]; !slices.Equal(got, values) {
			return "", fmt.Errorf("%s in the trailers: expected %q, got %q", name, values, got)
		}
	}
	return "", nil
}

func (c *caller) deadline() (string, error) {
	_, before, _, err := c.counts()
	if err != nil {
		return "", err
	}
	ctx, stop := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer stop()
	began := time.Now()
	_, err = c.call(ctx, "Slow", []byte("20000"))
	if took := time.Since(began); status.Code(err) != codes.DeadlineExceeded || took > 5*time.Second {
		return "", fmt.Errorf("after %s: %v", took, err)
	}
	return "", until("the server sees the deadline pass", func() (bool, error) {
		_, cancelled, left, err := c.counts()
		if err == nil && (left <= 0 || left > 500) {
			err = fmt.Errorf("the server was told of %d ms", left)
		}
		return cancelled == before+1, err
	})
}

func (c *caller) large() (string, error) {
	return "", errors.Join(c.echoed(numbered(8<<20)), c.streamed(2, 6<<20), c.sent(2, 6<<20))
}

func (c *caller) failure() (string, error) {
	text := "Käse \"fällt\" 100 % aus: 日本 \U0001f9c0\n\tend"
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		_, err := c.call(context.Background(), "Fail", fmt.Appendf(nil, "%d %s", code, text))
		if got := status.Convert(err); got.Code() != code || got.Message() != text {
			return "", fmt.Errorf("expected %v, got %v", code, err)
		}
	}
	if _, err := c.call(context.Background(), "Nothing", nil); status.Code(err) != codes.Unimplemented {
		return "", fmt.Errorf("a method that is not there: %v", err)
	}
	return "", nil
}

// cancelled begins a call that takes a minute, and cancels it once the server has begun it.
func (c *caller) cancelled() error {
	stream, stop, err := c.open("Slow")
	if err != nil {
		return err
	}
	defer stop()
	request := []byte("60000")
	if err := errors.Join(stream.SendMsg(&request), stream.CloseSend()); err != nil {
		return err
	}
	if _, err := stream.Header(); err != nil {
		return err
	}
	stop()
	var answer []byte
	if err := stream.RecvMsg(&answer); status.Code(err) != codes.Canceled {
		return fmt.Errorf("cancelled: %v", err)
	}
	return nil
}

func (c *caller) cancel() (string, error) {
	return "", c.seenCancelled(1, c.cancelled)
}

// seenCancelled does what must cancel n calls, and waits for the server to have seen it.
func (c *caller) seenCancelled(n int64, run func() error) error {
	begun, before, _, err := c.counts()
	if err != nil {
		return err
	}
	if err := run(); err != nil {
		return err
	}
	return until("the server sees the cancel", func() (bool, error) {
		now, cancelled, _, err := c.counts()
		if err == nil && now != begun+n {
			err = fmt.Errorf("%d calls began, %d were made", now-begun, n)
		}
		return cancelled == before+n, err
	})
}

func (c *caller) concurrent() (string, error) {
	began := time.Now()
	err := together(1000, func(int) error {
		answer, err := c.call(context.Background(), "Slow", []byte("500"))
		if err == nil && string(answer) != "slept" {
			err = fmt.Errorf("got %q", answer)
		}
		return err
	})
	return fmt.Sprintf("1000 calls of 0.5 s in %.1f s", time.Since(began).Seconds()), err
}

func (c *caller) rapidCancel() (string, error) {
	if err := c.echoed(nil); err != nil {
		return "", err
	}
	connections, began := c.connections.Load(), time.Now()
	err := c.seenCancelled(10_000, func() error {
		return together(50, func(int) error {
			for range 200 {
				if err := c.cancelled(); err != nil {
					return err
				}
			}
			return nil
		})
	})
	remark := fmt.Sprintf("10000 in %.1f s", time.Since(began).Seconds())
	if err == nil {
		err = c.echoed([]byte("still there"))
	}
	if now := c.connections.Load(); err == nil && now != connections {
		err = fmt.Errorf("%d more connections", now-connections)
	}
	return remark, err
}

func (c *caller) fullRate() (string, error) {
	connections, end := c.connections.Load(), time.Now().Add(1500*time.Millisecond)
	var calls atomic.Int64
	err := together(50, func(i int) error {
		for time.Now().Before(end) {
			if err := c.echoed(filled(i, 100)); err != nil {
				return err
			}
			calls.Add(1)
		}
		return nil
	})
	if now := c.connections.Load(); err == nil && connections != 0 && now != connections {
		err = fmt.Errorf("%d more connections", now-connections)
	}
	return fmt.Sprintf("%d calls/s", calls.Load()*2/3), err
}

func (c *caller) goAway() (string, error) {
	var done, refused atomic.Int64
	end := time.Now().Add(3 * time.Second)
	err := together(51, func(i int) error {
		if i == 50 {
			for range 2 {
				time.Sleep(time.Second)
				if _, err := c.call(context.Background(), "Drain", nil); err != nil {
					return fmt.Errorf("drain: %w", err)
				}
			}
			return nil
		}
		for time.Now().Before(end) {
			ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
			_, err := c.call(ctx, "Slow", []byte("5"))
			stop()
			switch status.Code(err) {
			case codes.OK:
				done.Add(1)
			case codes.Unavailable:
				refused.Add(1)
				time.Sleep(5 * time.Millisecond)
			default:
				return err
			}
		}
		return nil
	})
	if err == nil && done.Load() < 1000 {
		err = fmt.Errorf("only %d calls were answered", done.Load())
	}
	if err == nil {
		_, err = c.call(context.Background(), "Unary", nil, grpc.WaitForReady(true))
	}
	return fmt.Sprintf("%d answered, %d refused", done.Load(), refused.Load()), err
}
