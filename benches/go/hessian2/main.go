// The skipping decoder of dubbo-go-hessian2 on the payload of Dubbo requests, value by value.
package main

import (
	"errors"
	"fmt"
	"strings"

	hessian "github.com/apache/dubbo-go-hessian2"

	"meshwire/benches/meter"
)

// Bytes of a frame's header.
const header = 16

func main() {
	meter.Serve(func(frame []byte) (string, error) {
		// One for each frame, as dubbo-go has it: Reset keeps the references that lists were held by, and a decoder that is used
		// again looks through more of them each time.
		decoder := hessian.NewDecoderWithSkip(frame[header:])
		// Protocol version, path, version, method.
		for range 4 {
			if _, err := decoder.Decode(); err != nil {
				return "", err
			}
		}
		types, err := decoder.Decode()
		if err != nil {
			return "", err
		}
		descriptor, ok := types.(string)
		if !ok {
			return "", fmt.Errorf("parameter types are a %T", types)
		}
		for range arguments(descriptor) {
			if _, err := decoder.Decode(); err != nil {
				return "", err
			}
		}
		last, err := decoder.Decode()
		if err != nil {
			return "", err
		}
		attachments, ok := last.(map[interface{}]interface{})
		if !ok {
			return "", errors.New("no attachments")
		}
		value, _ := attachments[meter.Key].(string)
		return value, nil
	})
}

// How many types a descriptor names.
func arguments(descriptor string) int {
	n := 0
	for ; descriptor != ""; n++ {
		descriptor = strings.TrimLeft(descriptor, "[")
		end := 1
		if strings.HasPrefix(descriptor, "L") {
			end = strings.IndexByte(descriptor, ';') + 1
		}
		if descriptor = descriptor[min(end, len(descriptor)):]; end == 0 {
			break
		}
	}
	return n
}
