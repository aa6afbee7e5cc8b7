package evenkeel

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxJournalLine bounds one line that is written, and that is read, in bytes.
const maxJournalLine = 1 << 20

// lineStart is how each line begins, and nothing inside one.
var lineStart = fmt.Appendf(nil, `{"v":%d,"kind":"`, JournalVersion)

// eachLine reads a journal and passes on each line with its number and its text.
// It counts what broke off in the middle, and says whether the last line did. It
// stops at the first error, and names the line.
func eachLine(r io.Reader, take func(n int, l *Line, raw []byte) error) (torn int, truncated bool, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		raw, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return torn, len(raw) > 0, nil
		}
		if err == nil && len(raw) == 0 {
			continue
		}
		var l Line
		if err == nil {
			if err = json.Unmarshal(raw, &l); err != nil && raw[0] == '{' && !json.Valid(raw) {
				torn++
				// The start of another line may follow the torn one without an end between.
				i := bytes.LastIndex(raw, lineStart)
				if i < 1 {
					continue
				}
				raw, l = raw[i:], Line{}
				if err = json.Unmarshal(raw, &l); err != nil {
					continue
				}
			}
		}
		if err == nil && l.V != JournalVersion {
			return torn, false, fmt.Errorf("evenkeel: journal line %d has version %d: this reader knows %d", n, l.V, JournalVersion)
		}
		if err == nil {
			err = take(n, &l, raw)
		}
		if err != nil {
			return torn, false, fmt.Errorf("evenkeel: journal line %d: %w", n, err)
		}
	}
}

// readLine returns one line without its end. At the end of the input it returns
// what is left together with io.EOF.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxJournalLine:
			return nil, fmt.Errorf("longer than %d bytes", maxJournalLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return line, err
		}
		return line[:len(line)-1], nil
	}
}
