package main

import (
	"time"

	hessian "github.com/apache/dubbo-go-hessian2"
	gxbig "github.com/dubbogo/gost/math/big"
)

// Thing is an object with something of everything, which may refer to others and to itself.
type Thing struct {
	Name   string           `hessian:"name"`
	Size   int64            `hessian:"size"`
	Half   float64          `hessian:"half"`
	Color  any              `hessian:"color"` // a Color, or none
	When   time.Time        `hessian:"when"`
	Amount *gxbig.Decimal   `hessian:"amount"`
	Bytes  []byte           `hessian:"bytes"`
	Words  []string         `hessian:"words"`
	Counts map[string]int32 `hessian:"counts"`
	Next   *Thing           `hessian:"next"`
	Things []*Thing         `hessian:"things"`
}

func (*Thing) JavaClassName() string { return "interop.Thing" }

// Color is an enumeration of Java's.
type Color hessian.JavaEnum

const (
	red Color = iota
	green
	blue
)

var colors = map[Color]string{red: "RED", green: "GREEN", blue: "BLUE"}

func (Color) JavaClassName() string { return "interop.Color" }

func (c Color) String() string { return colors[c] }

func (c Color) EnumValue(name string) hessian.JavaEnum {
	for color, known := range colors {
		if known == name {
			return hessian.JavaEnum(color)
		}
	}
	return hessian.InvalidJavaEnum
}

func init() {
	hessian.RegisterPOJO(&Thing{})
	for color := range colors {
		hessian.RegisterJavaEnum(color)
	}
}
