package trace

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const good = "arrival_s,input_tokens,output_tokens\n0.5,10,20\n0.5,11,0\n2.25,12,22\n"

func TestParse(t *testing.T) {
	want := Trace{
		{500 * time.Millisecond, 10, 20},
		{500 * time.Millisecond, 11, 0},
		{2250 * time.Millisecond, 12, 22},
	}
	for name, text := range map[string]string{
		"plain":         good,
		"extra columns": "arrival_s,input_tokens,output_tokens,hit,note\n0.5,10,20,,\n0.5,11,0,3,x\n2.25,12,22,4,y\n",
		"any order":     "output_tokens,arrival_s,input_tokens\n20,0.5,10\n0,0.5,11\n22,2.25,12\n",
		"windows":       "\ufeff" + strings.ReplaceAll(good, "\n", "\r\n"),
		"no last break": strings.TrimSuffix(good, "\n"),
		"blank lines":   strings.ReplaceAll(good, "\n", "\n\n"),
		"spaces":        strings.ReplaceAll(good, ",", " , "),
	} {
		got, err := Parse(strings.NewReader(text), "t.csv")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const head = "arrival_s,input_tokens,output_tokens\n"
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "t.csv:1: the file is empty"},
		{"header only", head, "t.csv:1: no request"},
		{"missing column", "arrival_s,input_tokens\n1,2\n", "t.csv:1: column output_tokens is missing"},
		{"column twice", "arrival_s,input_tokens,output_tokens,arrival_s\n1,2,3,4\n", "t.csv:1: column arrival_s is in the header twice"},
		{"no header", "0,1,2\n", "t.csv:1: column arrival_s is missing"},
		{"short row", head + "0,1,2\n1,2\n", "t.csv:3: wrong number of fields"},
		{"long row", head + "0,1,2,3\n", "t.csv:2: wrong number of fields"},
		{"unsorted", head + "0,1,2\n5,1,2\n\n4,1,2\n", "t.csv:5: arrival_s is \"4\", before the row above it"},
		{"negative time", head + "-1,1,2\n", "t.csv:2: arrival_s is \"-1\": it must not be negative"},
		{"NaN", head + "0,1,2\nNaN,1,2\n", "t.csv:3: arrival_s is \"NaN\""},
		{"infinite", head + "+Inf,1,2\n", "t.csv:2: arrival_s"},
		{"far future", head + "1e300,1,2\n", "t.csv:2: arrival_s is \"1e300\": it must be below"},
		{"empty field", head + "0,,2\n", "t.csv:2: input_tokens is \"\""},
		{"fraction", head + "0,1,2.5\n", "t.csv:2: output_tokens is \"2.5\""},
		{"negative tokens", head + "0,-1,2\n", "t.csv:2: input_tokens is \"-1\": it must lie in"},
		{"too many tokens", head + "0,1,99999999999\n", "t.csv:2: output_tokens"},
		{"loose quote", head + "0,1,2\n0,1,\"2\n", "t.csv:3: extraneous or missing"},
	} {
		got, err := Parse(strings.NewReader(c.text), "t.csv")
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || got != nil {
			t.Errorf("%s: got %v, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	long := good + strings.Repeat("3,1234,567\n", 5000)
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	if _, err := zw.Write([]byte(long)); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"a.csv": []byte(long), "a.csv.gz": zipped.Bytes()} {
		if got, err := Read(write(name, b)); err != nil || len(got) != 5003 {
			t.Errorf("%s: %d records, %v", name, len(got), err)
		}
	}
	broken := slices.Clone(zipped.Bytes())
	broken[len(broken)-5] ^= 1 // in the length of the trailer
	for name, b := range map[string][]byte{
		"cut.csv.gz":     zipped.Bytes()[:zipped.Len()/2],
		"tail.csv.gz":    zipped.Bytes()[:zipped.Len()-4], // all the data, half the checksum
		"sum.csv.gz":     broken,
		"garbage.csv.gz": append(slices.Clone(zipped.Bytes()), "garbage"...),
		"plain.csv.gz":   []byte(good),
		"none.csv.gz":    nil,
	} {
		got, err := Read(write(name, b))
		if err == nil || got != nil || !strings.HasPrefix(err.Error(), name+":") {
			t.Errorf("%s: got %d records, %v; want it refused by name", name, len(got), err)
		}
	}
	if _, err := Read(filepath.Join(dir, "missing.csv")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gave %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("arrival_s,input_tokens,output_tokens\n1e9,0,0\n"))
	f.Add([]byte("\ufeffoutput_tokens,arrival_s,input_tokens\r\n\"1\",0x1p-2,3\r\n"))
	f.Add([]byte("arrival_s,input_tokens,output_tokens\n0,1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		tr, err := Parse(bytes.NewReader(b), "f.csv")
		if (err == nil) != (len(tr) > 0) {
			t.Fatalf("%d records with error %v", len(tr), err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "f.csv:") {
			t.Fatalf("the error names no file: %v", err)
		}
		for i, r := range tr {
			if r.At < 0 || r.At > maxArrival || r.Input < 0 || r.Output < 0 || (i > 0 && r.At < tr[i-1].At) {
				t.Fatalf("record %d is %+v", i, r)
			}
		}
	})
}
