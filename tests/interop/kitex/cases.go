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

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/remote"

	"meshwire/kitex/target/gen/echo"
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
	flavour, address string
	// link is for all cases but some.
	link *link
}

func newCases(flavour, address string) (*cases, error) {
	l, err := connect(flavour, address, "Echo")
	return &cases{flavour, address, l}, err
}

func (c *cases) run(name string) (string, error) {
	switch name {
	case "call":
		return "", call(c.link)
	case "oneway":
		return "", posted(c.link)
	case "exception":
		for _, code := range []int32{7, -1, math.MaxInt32} {
			if err := refused(c.link, code); err != nil {
				return "", err
			}
		}
		return "", c.again()
	case "unknown-method":
		text, err := unknown(c.link)
		return text, errors.Join(err, c.again())
	case "nested":
		return "", nested(c.link)
	case "body-1m":
		return "", echoed(c.link, 1<<20)
	case "many":
		if err := c.again(); err != nil {
			return "", err
		}
		before := c.link.connections.Load()
		return "", errors.Join(counted(c.link, 0, 200), same(before, c.link.connections.Load()))
	case "concurrent":
		if c.flavour == mux {
			return "", c.inFlight()
		}
		return "", c.concurrent()
	case "fields":
		return "", fields(c.link)
	case "local-replies":
		text, err := c.localReplies()
		return text, errors.Join(err, c.again())
	}
	return "", errors.New("no such case")
}

func (c *cases) again() error {
	return texts(c.link, "again")
}

func texts(l *link, all ...string) error {
	for _, text := range all {
		got, err := l.Call(ctx, text)
		if err == nil {
			err = same(text, got)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func call(l *link) error {
	err := texts(l, "world", "wörld", "世界", "\U0001F600", "\"\\/\n\x01", "", strings.Repeat("x", 70_000))
	if err != nil {
		return err
	}
	return l.Ping(ctx)
}

func posted(l *link) error {
	mark := rand.Text()
	times, err := l.Posted(ctx, mark)
	if err != nil || times != 0 {
		return fmt.Errorf("%d before: %v", times, err)
	}
	if err := l.Post(ctx, mark); err != nil {
		return err
	}
	for range 50 {
		if times, err = l.Posted(ctx, mark); err != nil || times != 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.Join(err, same(int32(1), times))
}

func refused(l *link, code int32) error {
	_, err := l.Refuse(ctx, code)
	var refused *echo.Refused
	if !errors.As(err, &refused) {
		return fmt.Errorf("not refused: %v", err)
	}
	return same(&echo.Refused{Code: code, Why: fmt.Sprint("no ", code)}, refused)
}

func unknown(l *link) (string, error) {
	answer, err := l.Missing(ctx, "x")
	var exception *remote.TransError
	if errors.As(err, &exception) {
		switch exception.TypeID() {
		// Kitex looks for a service that has the method.
		case remote.UnknownMethod, remote.UnknownService:
			return exception.Error(), nil
		}
	}
	return "", fmt.Errorf("answered %q: %v", answer, err)
}

func nested(l *link) error {
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
		got, err := l.Nested(ctx, value)
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
func counted(l *link, from, to int) error {
	for i := from; i < to; i++ {
		if err := echoed(l, i*25%5001); err != nil {
			return err
		}
		if err := texts(l, fmt.Sprint(i, " ", strings.Repeat("y", i*7%300))); err != nil {
			return err
		}
	}
	return nil
}

// concurrent is on eight connections.
func (c *cases) concurrent() error {
	return together(8, func(i int) error {
		own, err := connect(c.flavour, c.address, "Echo")
		if err != nil {
			return err
		}
		return counted(own, i*50, i*50+50)
	})
}

// inFlight is on one connection: the answers come in another order than the questions.
func (c *cases) inFlight() error {
	if err := c.again(); err != nil {
		return err
	}
	before := c.link.connections.Load()
	began := time.Now()
	err := together(400, func(i int) error {
		return texts(c.link, fmt.Sprintf("wait %d for %d", 100+i*37%200, i))
	})
	if took := time.Since(began); err == nil && took > 10*time.Second {
		err = fmt.Errorf("one after the other, in %v", took)
	}
	return errors.Join(err, same(before, c.link.connections.Load()))
}

func together(n int, run func(i int) error) error {
	done := make(chan error)
	for i := range n {
		go func() { done <- run(i) }()
	}
	var all []error
	for range n {
		all = append(all, <-done)
	}
	return errors.Join(all...)
}

// fields come with one call and not with the next. An answer brings one too.
func fields(l *link) error {
	const ask = "fields ONE TWO THREE"
	long := strings.Repeat("z", 200)
	with := metainfo.WithValue(metainfo.WithPersistentValue(ctx, "ONE", "1"), "TWO", "zwei ü "+long)
	with = metainfo.WithBackwardValues(with)
	got, err := l.Call(with, ask)
	if err != nil {
		return err
	}
	back, plain := metainfo.RecvBackwardValue(with, "BACK")
	if !plain {
		back, _ = metainfo.RecvBackwardValue(with, metainfo.PrefixBackward+"BACK")
	}
	if err := errors.Join(same("ONE=1 TWO=zwei ü "+long+" THREE=", got), same(got, back)); err != nil {
		return err
	}
	if got, err = l.Call(ctx, ask); err != nil {
		return err
	}
	return same("ONE= TWO= THREE=", got)
}

func (c *cases) localReplies() (string, error) {
	var types []string
	for _, outcome := range outcomes {
		l, err := connect(c.flavour, c.address, "interop.reply."+outcome)
		if err != nil {
			return "", err
		}
		answer, err := l.Call(ctx, "x")
		var exception *remote.TransError
		if !errors.As(err, &exception) {
			return "", fmt.Errorf("%s: answered %q: %v", outcome, answer, err)
		}
		types = append(types, fmt.Sprint(outcome, "=", exception.TypeID()))
	}
	return strings.Join(types, " "), nil
}

func echoed(l *link, size int) error {
	sent := numbered(size)
	got, err := l.Bytes(ctx, sent)
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
