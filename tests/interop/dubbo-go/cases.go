package main

import (
	"errors"
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	hessian "github.com/apache/dubbo-go-hessian2"
	gxbig "github.com/dubbogo/gost/math/big"
)

// outcomes are those of the proxy's own answers, which are also the end of the service names that it answers for.
var outcomes = []string{
	"success", "exception", "bad_request", "no_route", "unavailable", "timeout", "overloaded", "bad_response",
	"too_large", "denied", "unimplemented", "cancelled", "server_error", "unknown",
}

// cases are what a client does to a server.
type cases struct {
	address string
	port    int
	echo    *link
}

func newCases(address string) *cases {
	port, _ := strconv.Atoi(address[strings.LastIndexByte(address, ':')+1:])
	return &cases{address: address, port: port}
}

func (c *cases) run(name string) (string, error) {
	if c.echo == nil {
		echo, err := connect(c.address, "interop.Echo")
		if err != nil {
			return "", err
		}
		c.echo = echo
	}
	steps := map[string]func() error{
		"call":             c.call,
		"oneway":           c.oneway,
		"exception":        func() error { return fails("out of cheese", c.echo, "fail", "out of cheese") },
		"body-1m":          func() error { return c.body(1 << 20) },
		"concurrent":       func() error { return c.many(1000, func(i int) (string, int32) { return "later", int32(i * 37 % 100) }) },
		"in-flight":        func() error { return c.many(1000, func(int) (string, int32) { return "held", 1000 }) },
		"async":            c.async,
		"attachments":      c.attachments,
		"attachments-back": c.attachmentsBack,
		"added":            c.added,
		"added-16m":        c.addedBeside,
		"generic":          c.generic,
		"types":            c.types,
		"unknown-method":   func() error { return fails("nothing", c.echo, "nothing", "x") },
		"unknown-service":  c.unknownService,
		"local-replies":    c.localReplies,
		"heartbeat":        func() error { time.Sleep(3500 * time.Millisecond); return nil },
	}
	step, known := steps[name]
	if !known {
		return "", errors.New("no such case")
	}
	return "", c.alive(step)
}

// alive takes the step, and sees that a call can be made behind it on the connection that there was before.
func (c *cases) alive(step func() error) error {
	if err := c.says("hello before", "hello", "before"); err != nil {
		return err
	}
	before, err := sockets(c.port)
	if err != nil {
		return err
	}
	if err := step(); err != nil {
		return err
	}
	if err := c.says("hello after", "hello", "after"); err != nil {
		return err
	}
	after, err := sockets(c.port)
	if err != nil {
		return err
	}
	if len(before) != 1 || !slices.Equal(before, after) {
		return fmt.Errorf("connections %v, then %v", before, after)
	}
	return nil
}

func (c *cases) says(expected, method string, arguments ...any) error {
	got, err := c.echo.text(method, arguments...)
	if err != nil {
		return err
	}
	return same(expected, got)
}

func (c *cases) call() error {
	for _, name := range []string{"world", "wörld", "世界", "😀", "", strings.Repeat("x", 70_000)} {
		if err := c.says("hello "+name, "hello", name); err != nil {
			return err
		}
	}
	for _, sum := range [][3]int32{{40, 2, 42}, {-8, 1, -7}} {
		var got int32
		if _, err := c.echo.with(nil, &got, "add", sum[0], sum[1]); err != nil {
			return err
		}
		if err := same(sum[2], got); err != nil {
			return err
		}
	}
	return nil
}

func (c *cases) oneway() error {
	mark := strconv.FormatInt(time.Now().UnixNano(), 36)
	if err := c.says("no", "noted", mark); err != nil {
		return err
	}
	if err := c.echo.post("note", mark); err != nil {
		return err
	}
	for range 100 {
		if got, err := c.echo.text("noted", mark); err != nil || got == "yes" {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("the server has not seen it")
}

func (c *cases) body(size int) error {
	sent := body(size)
	var got []byte
	if _, err := c.echo.with(nil, &got, "echo", sent); err != nil {
		return err
	}
	return same(summary(sent), summary(got))
}

func body(size int) []byte {
	bytes := make([]byte, size)
	_, _ = rand.New(rand.NewSource(int64(size))).Read(bytes)
	return bytes
}

// many makes calls at once.
func (c *cases) many(calls int, method func(int) (string, int32)) error {
	failed := make([]error, calls)
	var group sync.WaitGroup
	for i := range calls {
		group.Go(func() {
			text := fmt.Sprint("call ", i)
			name, number := method(i)
			failed[i] = c.says(text, name, text, number)
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

func (c *cases) async() error {
	slow := make(chan error, 1)
	go func() { slow <- c.says("slow", "deferred", "slow", int32(300)) }()
	time.Sleep(20 * time.Millisecond)
	if err := c.says("hello quick", "hello", "quick"); err != nil {
		return err
	}
	select {
	case err := <-slow:
		return fmt.Errorf("the slow one was first: %v", err)
	default:
	}
	if err := <-slow; err != nil {
		return err
	}
	return c.many(20, func(i int) (string, int32) { return "deferred", int32(20 - i) })
}

const (
	names = "plain umlaut wide whole truth gone"
	lines = "plain=text:a b\numlaut=text:é\nwide=text:😀世界\nwhole=int:42\ntruth=bool:true\ngone=-"
)

var attached = map[string]any{"plain": "a b", "umlaut": "é", "wide": "😀世界", "whole": int32(42), "truth": true}

func (c *cases) attachments() error {
	if err := seen(c.echo, attached, names, lines); err != nil {
		return err
	}
	return seen(c.echo, nil, names, "plain=-\numlaut=-\nwide=-\nwhole=-\ntruth=-\ngone=-")
}

func seen(l *link, attachments map[string]any, names, expected string) error {
	var got string
	if _, err := l.with(attachments, &got, "seen", names); err != nil {
		return err
	}
	return same(expected, got)
}

func (c *cases) attachmentsBack() error {
	var got string
	back, err := c.echo.with(attached, &got, "seen", names)
	if err != nil {
		return err
	}
	for name, value := range attached {
		if err := same(fmt.Sprint(value), fmt.Sprint(back["back-"+name])); err != nil {
			return err
		}
	}
	return same(nil, back["back-gone"])
}

// added sees what the sidecar edits, and what it leaves as it is.
func (c *cases) added() error {
	added, err := connect(c.address, "interop.Added")
	if err != nil {
		return err
	}
	sent := map[string]any{"x-set": "old", "x-gone": "here", "x-kept": "kept é"}
	names := "x-mesh x-set x-gone x-kept"
	edited := func() error {
		return seen(added, sent, names, "x-mesh=text:mesh é 😀\nx-set=text:new\nx-gone=-\nx-kept=text:kept é")
	}
	for range 20 {
		if err := edited(); err != nil {
			return err
		}
	}
	failed := make([]error, 50)
	var group sync.WaitGroup
	for i := range failed {
		group.Go(func() { failed[i] = edited() })
	}
	group.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	return seen(c.echo, sent, names, "x-mesh=-\nx-set=text:old\nx-gone=text:here\nx-kept=text:kept é")
}

// addedBeside sees what the sidecar adds to a message that streams.
func (c *cases) addedBeside() error {
	streamed, err := connect(c.address, "interop.Streamed")
	if err != nil {
		return err
	}
	sent := body(16 << 20)
	var got string
	attachments := map[string]any{"x-set": "old", "x-kept": "kept é"}
	if _, err := streamed.with(attachments, &got, "seenBeside", sent, "x-mesh x-set x-kept"); err != nil {
		return err
	}
	return same(summary(sent)+"\nx-mesh=text:mesh é 😀\nx-set=text:new\nx-kept=text:kept é", got)
}

func (c *cases) generic() error {
	invoke := func(reply any, method, kind string, argument any) error {
		_, err := c.echo.with(map[string]any{"generic": "true"}, reply, "$invoke", method, []string{kind},
			[]hessian.Object{argument})
		return err
	}
	var text string
	if err := invoke(&text, "hello", "java.lang.String", "world"); err != nil {
		return err
	}
	if err := same("hello world", text); err != nil {
		return err
	}
	next := map[any]any{"class": "interop.Thing", "name": "next"}
	thing := map[any]any{
		"class": "interop.Thing", "name": "é", "size": int64(7), "words": []string{"a", "b"}, "next": next,
	}
	var got map[any]any
	if err := invoke(&got, "mirrorThing", "interop.Thing", thing); err != nil {
		return err
	}
	heir, _ := got["next"].(map[any]any)
	told := fmt.Sprint(got["name"], got["size"], got["words"], heir["name"])
	if err := same(fmt.Sprint("é", 7, []string{"a", "b"}, "next"), told); err != nil {
		return err
	}
	return failed("out of cheese", invoke(&text, "fail", "java.lang.String", "out of cheese"))
}

func (c *cases) types() error {
	amount := new(gxbig.Decimal)
	if err := amount.FromString("12345678901234567890.125"); err != nil {
		return err
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	when := time.UnixMilli(1_700_000_000_123)
	whole := int64(1<<53 + 3)
	thing := func(name string) *Thing {
		return &Thing{
			Name: name, Size: whole, Half: 0.5, Color: blue, When: when, Amount: amount, Bytes: []byte{0, 255, 127},
			Words: []string{"é", "😀"}, Counts: map[string]int32{"one": 1},
		}
	}
	list := []any{"é", int32(1), nil, []any{"x"}}
	table := map[any]any{"a": int32(1), "é": "b"}
	var got []any
	if _, err := c.echo.with(nil, &got, "mirror", whole, 0.1, true, when, all, amount, green, list, table, thing("n")); err != nil {
		return err
	}
	if len(got) != 10 {
		return fmt.Errorf("%d values came back", len(got))
	}
	back, _ := got[9].(*Thing)
	if err := errors.Join(
		same[any](whole, got[0]), same[any](0.1, got[1]), same[any](true, got[2]), same(when.UTC(), utc(got[3])),
		same[any](all, got[4]), same(amount.String(), fmt.Sprint(got[5])), same(fmt.Sprint(green), fmt.Sprint(got[6])),
		same(fmt.Sprint(list...), fmt.Sprint(got[7].([]any)...)), same[any](table, got[8]), alike(thing("n"), back),
	); err != nil {
		return err
	}

	// One that is its own heir, and holds one object twice.
	first, second, twice := thing("first"), thing("second"), thing("twice")
	first.Next, second.Next = second, second
	first.Things = []*Thing{twice, twice, first}
	reply := &Thing{}
	if _, err := c.echo.with(nil, reply, "mirrorThing", first); err != nil {
		return err
	}
	if reply.Next == nil || len(reply.Things) != 3 {
		return errors.New("things are missing")
	}
	if reply.Next.Next != reply.Next || reply.Things[0] != reply.Things[1] {
		return errors.New("one object became two")
	}
	return errors.Join(alike(first, reply), alike(second, reply.Next), alike(twice, reply.Things[0]), alike(first, reply.Things[2]))
}

func utc(value any) time.Time {
	when, _ := value.(time.Time)
	return when.UTC()
}

// alike compares all but what things refer to.
func alike(expected, actual *Thing) error {
	if actual == nil {
		return errors.New("no thing")
	}
	if actual.Amount == nil {
		return errors.New("a thing without an amount")
	}
	told := func(t *Thing) string {
		return fmt.Sprint(t.Name, t.Size, t.Half, t.Color, t.When.UTC(), t.Amount.String(), t.Bytes, t.Words, t.Counts,
			t.Next == nil, len(t.Things))
	}
	return same(told(expected), told(actual))
}

func (c *cases) unknownService() error {
	nowhere, err := connect(c.address, "interop.Nowhere")
	if err != nil {
		return err
	}
	return fails("", nowhere, "hello", "x")
}

// localReplies are given by the proxy, which says which outcome it was told to answer with.
func (c *cases) localReplies() error {
	for _, outcome := range outcomes {
		service, err := connect(c.address, "interop.reply."+outcome)
		if err != nil {
			return err
		}
		if outcome != "success" {
			err = fails("answered here: "+outcome, service, "hello", "x")
		} else if got, unasked := service.text("hello", "x"); unasked != nil || got != "" {
			err = fmt.Errorf("%q, %w", got, unasked)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", outcome, err)
		}
	}
	return nil
}

// fails tells whether a call fails with this text.
func fails(text string, l *link, method string, arguments ...any) error {
	_, err := l.text(method, arguments...)
	return failed(text, err)
}

func failed(text string, err error) error {
	if err == nil {
		return errors.New("nothing was thrown")
	}
	if !strings.Contains(err.Error(), text) {
		return fmt.Errorf("another error, not %q: %w", text, err)
	}
	return nil
}

func same[T any](expected, actual T) error {
	if !reflect.DeepEqual(expected, actual) {
		return fmt.Errorf("expected %.200s, got %.200s", fmt.Sprint(expected), fmt.Sprint(actual))
	}
	return nil
}
