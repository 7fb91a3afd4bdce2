//go:build tools

// Package tools holds the suite h2spec at a commit, with what it needs.
package tools

import _ "github.com/summerwind/h2spec/cmd/h2spec"
