package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"meshwire/thrift-go/target/gen/echo"
)

// outcomes are those of the proxy's own answers that are errors; also the end of the service names that it
// answers for.
var outcomes = []string{
	"exception", "bad_request", "no_route", "unavailable", "timeout", "overloaded", "bad_response", "too_large",
	"denied", "unimplemented", "cancelled", "server_error", "unknown",
}

var ctx = context.Background()

// cases are what a client does to a server.
type cases struct {
	flavour flavour
	address string
	// link is the connection of all cases but one.
	link *link
}

func (c *cases) run(name string) (string, error) {
	if c.link == nil {
		l, err := connect(c.flavour, c.address)
		if err != nil {
			return "", err
		}
		c.link = l
	}
	remark, err := c.one(name, c.link.plain)
	if err != nil {
		// It may be dead, or a part of an answer may be left on it: not the next case's fault.
		_ = c.link.transport.Close()
		c.link = nil
	}
	return remark, err
}

func (c *cases) one(name string, e *echo.WiderClient) (string, error) {
	switch name {
	case "call":
		return "", call(e)
	case "oneway":
		return "", posted(e)
	case "exception":
		for _, code := range []int32{7, -1, math.MaxInt32} {
			if err := refused(e, code); err != nil {
				return "", err
			}
		}
		return "", texts(e, "again")
	case "unknown-method":
		text, err := unknown(e)
		return text, errors.Join(err, texts(e, "again"))
	case "multiplexed":
		return "", multiplexed(c.link.of("Echo"), e)
	case "nested":
		return "", nested(e)
	case "body-1m":
		return "", echoed(e, 1<<20)
	case "many":
		return "", counted(e, 0, 200)
	case "concurrent":
		return "", c.concurrent()
	case "fields":
		return "", fields(e)
	case "local-replies":
		text, err := c.localReplies()
		return text, errors.Join(err, texts(e, "again"))
	}
	return "", errors.New("no such case")
}

func texts(e *echo.WiderClient, all ...string) error {
	for _, text := range all {
		got, err := e.Call(ctx, text)
		if err == nil {
			err = same(text, got)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func call(e *echo.WiderClient) error {
	err := texts(e, "world", "wörld", "世界", "\U0001F600", "\"\\/\n\x01", "", strings.Repeat("x", 70_000))
	if err != nil {
		return err
	}
	return e.Ping(ctx)
}

func posted(e *echo.WiderClient) error {
	mark := rand.Text()
	times, err := e.Posted(ctx, mark)
	if err != nil || times != 0 {
		return fmt.Errorf("%d before: %v", times, err)
	}
	if err := e.Post(ctx, mark); err != nil {
		return err
	}
	for range 50 {
		if times, err = e.Posted(ctx, mark); err != nil || times != 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.Join(err, same(int32(1), times))
}

func refused(e *echo.WiderClient, code int32) error {
	_, err := e.Refuse(ctx, code)
	var refused *echo.Refused
	if !errors.As(err, &refused) {
		return fmt.Errorf("not refused: %v", err)
	}
	return same(&echo.Refused{Code: code, Why: fmt.Sprint("no ", code)}, refused)
}

func unknown(e *echo.WiderClient) (string, error) {
	answer, err := e.Missing(ctx, "x")
	var exception thrift.TApplicationException
	if !errors.As(err, &exception) || exception.TypeId() != thrift.UNKNOWN_METHOD {
		return "", fmt.Errorf("answered %q: %v", answer, err)
	}
	return exception.Error(), nil
}

// multiplexed is with a service name, and without one between on the same connection.
func multiplexed(named, plain *echo.WiderClient) error {
	for _, step := range []func() error{
		func() error { return call(named) },
		func() error { return texts(plain, "plain") },
		func() error { return posted(named) },
		func() error { return refused(named, 3) },
		func() error { return echoed(named, 3000) },
		func() error { return texts(plain, "plain") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func nested(e *echo.WiderClient) error {
	full := &echo.Nested{
		Leaves: map[string][]*echo.Leaf{
			"none": {},
			"зима": {{Number: 1, Text: "eins", Half: 0.5, Yes: true}, {Number: -2, Half: -1e300}},
		},
		Numbers: []int64{math.MinInt64, -1, 0, math.MaxInt64},
		Deep:    []map[int32][]string{{5: {"a", "b"}, math.MinInt32: {""}}, {}},
		Flags:   []bool{true, false, false, true, true, true, false, true, false},
		Small:   math.MinInt8, ShortOne: math.MaxInt16,
	}
	withLeaf := *full
	withLeaf.Leaf = &echo.Leaf{Number: math.MaxInt32, Text: strings.Repeat("x", 300), Half: 1.0 / 3, Yes: true}
	empty := &echo.Nested{
		Leaves: map[string][]*echo.Leaf{}, Numbers: []int64{}, Deep: []map[int32][]string{}, Flags: []bool{},
	}
	for _, value := range []*echo.Nested{full, &withLeaf, empty} {
		got, err := e.Nested(ctx, value)
		if err != nil {
			return err
		}
		// A set, in whatever order.
		slices.Sort(got.Numbers)
		if err := same(value, got); err != nil {
			return err
		}
	}
	return nil
}

// counted makes two calls for each number, of sizes that depend on it and are not over 5000.
func counted(e *echo.WiderClient, from, to int) error {
	for i := from; i < to; i++ {
		if err := echoed(e, i*25%5001); err != nil {
			return err
		}
		if err := texts(e, fmt.Sprint(i, " ", strings.Repeat("y", i*7%300))); err != nil {
			return err
		}
	}
	return nil
}

func (c *cases) concurrent() error {
	done := make(chan error)
	for i := range 8 {
		go func() {
			own, err := connect(c.flavour, c.address)
			if err == nil {
				err = counted(own.plain, i*50, i*50+50)
				_ = own.transport.Close()
			}
			done <- err
		}()
	}
	var all []error
	for range 8 {
		all = append(all, <-done)
	}
	return errors.Join(all...)
}

// fields come with one call and not with the next.
func fields(e *echo.WiderClient) error {
	const ask = "fields x-one x-two x-three"
	with := thrift.SetHeader(thrift.SetHeader(ctx, "x-one", "1"), "x-two", "zwei ü "+strings.Repeat("z", 200))
	with = thrift.SetWriteHeaderList(with, []string{"x-one", "x-two"})
	got, err := e.Call(with, ask)
	if err != nil {
		return err
	}
	if err := same("x-one=1 x-two=zwei ü "+strings.Repeat("z", 200)+" x-three=", got); err != nil {
		return err
	}
	if got, err = e.Call(ctx, ask); err != nil {
		return err
	}
	return same("x-one= x-two= x-three=", got)
}

func (c *cases) localReplies() (string, error) {
	var types []string
	for _, outcome := range outcomes {
		answer, err := c.link.of("interop.reply."+outcome).Call(ctx, "x")
		var exception thrift.TApplicationException
		if !errors.As(err, &exception) {
			return "", fmt.Errorf("%s: answered %q: %v", outcome, answer, err)
		}
		types = append(types, fmt.Sprint(outcome, "=", exception.TypeId()))
	}
	return strings.Join(types, " "), nil
}

func echoed(e *echo.WiderClient, size int) error {
	sent := numbered(size)
	got, err := e.Bytes(ctx, sent)
	if err == nil && !bytes.Equal(sent, got) {
		err = fmt.Errorf("%d bytes went, other %d came back", len(sent), len(got))
	}
	return err
}

// numbered is the lines "1", "2", ... cut at size: no two places in it look the same.
func numbered(size int) []byte {
	bytes := make([]byte, 0, size+20)
	for i := int64(1); len(bytes) < size; i++ {
		bytes = append(strconv.AppendInt(bytes, i, 10), '\n')
	}
	return bytes[:size]
}

func same(expected, got any) error {
	if !reflect.DeepEqual(expected, got) {
		return fmt.Errorf("expected %v, got %v", expected, got)
	}
	return nil
}
