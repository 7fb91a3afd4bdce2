// MOSN's Dubbo codec on frames, as its BenchmarkDecodeSkip has it: on a listener for Dubbo, where arguments are walked
// with its skipping decoder to get at the attachments.
package main

import (
	"context"
	"errors"

	"mosn.io/mosn/pkg/protocol/xprotocol/dubbo"
	"mosn.io/mosn/pkg/types"
	"mosn.io/pkg/buffer"
	"mosn.io/pkg/variable"

	"meshwire/benches/meter"
)

func main() {
	ctx := variable.NewVariableContext(context.Background())
	if err := variable.Set(ctx, types.VariableListenerName, dubbo.IngressDubbo); err != nil {
		panic(err)
	}
	codec := (&dubbo.XCodec{}).NewXProtocol(ctx)
	meter.Serve(func(frame []byte) (string, error) {
		decoded, err := codec.Decode(ctx, buffer.NewIoBufferBytes(frame))
		if err != nil {
			return "", err
		}
		request, ok := decoded.(*dubbo.Frame)
		if !ok {
			return "", errors.New("no frame")
		}
		value, _ := request.Get(meter.Key)
		return value, nil
	})
}
