// Package meter times what another program asks for, so that programs in two languages take turns on the same bytes.
package meter

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"time"
)

// An attachment that every frame brings: who can tell its value has found the end of the arguments.
const (
	Key   = "group"
	Value = "blue"
)

// Serve answers requests on standard input, `MILLISECONDS FILE` a line: FILE holds a frame, which read reads over and
// over for about so long. The answer is a line too: nanoseconds, allocations and allocated bytes of one reading, or why it
// failed. read says what it found under Key; that is looked at before anything is timed.
func Serve(read func(frame []byte) (string, error)) {
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		var millis int
		var file string
		if _, err := fmt.Sscanf(requests.Text(), "%d %s", &millis, &file); err != nil {
			fail("%q: %v", requests.Text(), err)
		}
		frame, err := os.ReadFile(file)
		if err != nil {
			fail("%v", err)
		}
		if found, err := read(frame); err != nil || found != Value {
			// No reason to stop: that a peer cannot read a frame is worth knowing, too.
			if err == nil {
				err = fmt.Errorf("%s is %q", Key, found)
			}
			fmt.Printf("failed: %q\n", err.Error())
			continue
		}
		turn(read, frame, time.Duration(millis)*time.Millisecond)
	}
}

// Enough readings for the clock not to matter, and not so many that a turn is much longer than asked for.
const slice = 200 * time.Microsecond

func turn(read func([]byte) (string, error), frame []byte, long time.Duration) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	n, batch := 0, 1
	var spent time.Duration
	for spent < long {
		for range batch {
			if _, err := read(frame); err != nil {
				fail("%v", err)
			}
		}
		n += batch
		now := time.Since(begun)
		if now-spent < slice {
			batch *= 2
		}
		spent = now
	}
	runtime.ReadMemStats(&after)
	each := func(total uint64) float64 { return float64(total) / float64(n) }
	fmt.Printf("%.1f %.1f %.0f\n", each(uint64(spent.Nanoseconds())), each(after.Mallocs-before.Mallocs),
		each(after.TotalAlloc-before.TotalAlloc))
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}
