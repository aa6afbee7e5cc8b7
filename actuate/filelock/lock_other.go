//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package filelock

import (
	"errors"
	"os"
)

const supported = false

func lock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
