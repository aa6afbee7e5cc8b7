package backpressure

import (
	"bytes"
	"strconv"
)

// A scanner walks once over a JSON text and picks out what an estimate needs. It
// allocates nothing, skips what it does not know at the speed of a search, and is
// forgiving: the handler is the judge of a request. ok turns false where the text
// is no JSON, or ends early.
type scanner struct {
	b  []byte
	i  int
	ok bool
}

// maxDepth is how deep texts are looked for. Skipping knows no depth.
const maxDepth = 16

// next skips white space and returns the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// take reports whether c is next, and steps over it.
func (s *scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.i++
	return true
}

// text steps over the string that is next and returns how many bytes it has as
// UTF-8: a character that some clients write as \u4f60 is not six.
func (s *scanner) text() (n int64) {
	i := s.i + 1
	for quote := -1; ; {
		if i > quote {
			j := bytes.IndexByte(s.b[min(i, len(s.b)):], '"')
			if j < 0 {
				s.fail()
				return 0
			}
			quote = i + j
		}
		if s.b[i] != '\\' {
			plain := bytes.IndexByte(s.b[i:quote], '\\')
			if plain < 0 {
				s.i = quote + 1
				return n + int64(quote-i)
			}
			i += plain
			n += int64(plain)
		}
		r, size := unescape(s.b[i:])
		i += size
		switch {
		case r < 0x80:
			n++
		case r < 0x800, r >= 0xD800 && r < 0xE000: // half of a pair that is four bytes
			n += 2
		default:
			n += 3
		}
	}
}

// unescape returns the character of the escape that b begins with, and its size.
func unescape(b []byte) (r uint32, size int) {
	if len(b) < 6 || b[1] != 'u' {
		return 0, 2
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, 2
		}
		r = r<<4 | uint32(c)
	}
	return r, 6
}

// key steps over the name of a member and its colon. Names with an escape are
// spelled out, so that nobody hides a bound from the estimate; long ones are not
// among those it looks for.
func (s *scanner) key(room *[32]byte) []byte {
	if s.next() != '"' {
		s.fail()
		return nil
	}
	start := s.i + 1
	s.text()
	if !s.ok {
		return nil
	}
	name := s.b[start : s.i-1]
	if bytes.IndexByte(name, '\\') >= 0 && len(name) < 6*len(room) {
		out := room[:0]
		for i := 0; i < len(name) && len(out) < len(room); {
			c, size := uint32(name[i]), 1
			if c == '\\' {
				c, size = unescape(name[i:])
			}
			out = append(out, byte(min(c, 0xFF)))
			i += size
		}
		name = out
	}
	if !s.take(':') {
		s.fail()
	}
	return name
}

// skip steps over any value.
func (s *scanner) skip() {
	depth := 0
	for s.ok {
		switch s.next() {
		case '"':
			s.text()
		case '{', '[':
			depth++
			s.i++
		case '}', ']':
			depth--
			s.i++
		case ',', ':':
			if depth == 0 {
				s.fail() // there is no value
			}
			s.i++
		case 0:
			s.fail()
		default:
			s.word()
		}
		if depth <= 0 {
			s.ok = s.ok && depth == 0
			return
		}
	}
}

// word steps over a number, true, false or null.
func (s *scanner) word() []byte {
	start := s.i
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ',', ':', '}', ']', '{', '[', '"', ' ', '\t', '\n', '\r':
			if s.i == start {
				s.fail()
			}
			return s.b[start:s.i]
		}
		s.i++
	}
	return s.b[start:]
}

// number returns the number that is next, within 0 and maxTokens, and 0 for
// anything else.
func (s *scanner) number() int64 {
	if c := s.next(); c != '-' && (c < '0' || c > '9') {
		s.skip()
		return 0
	}
	w := s.word()
	f, err := strconv.ParseFloat(string(w[:min(len(w), 32)]), 64)
	if err != nil && !(f > maxTokens) { // too large a number is still large
		return 0
	}
	return int64(min(max(f, 0), maxTokens))
}

func (s *scanner) fail() { s.i, s.ok = len(s.b), false }
