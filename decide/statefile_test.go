package decide_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// A state that an earlier version wrote, before there were several rates,
// bursts, fallbacks and budgets, is read, goes on where it was, and what it says
// of a policy that is not there is kept.
func TestEarlierStateIsRead(t *testing.T) {
	old, err := os.ReadFile("testdata/state_v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var s decide.State
	if err := json.Unmarshal(old, &s); err != nil {
		t.Fatal(err)
	}
	var was, is map[string]any
	if json.Unmarshal(old, &was) != nil || json.Unmarshal([]byte(text(t, s)), &is) != nil {
		t.Fatal("not JSON")
	}
	for name, v := range was {
		if text(t, is[name]) != text(t, v) {
			t.Errorf("%s was %s, is %s", name, text(t, v), text(t, is[name]))
		}
	}

	// It goes on: what changed in the last minute counts for every period.
	core := newCore(t, full())
	in := decide.Input{
		Now:    time.Unix(int64(was["last"].(float64))/1000-62135596800, 0), // milliseconds since the year 1
		Limits: decide.Limits{Max: 60},
		Fleet:  decide.Fleet{Desired: int64(was["decided"].(float64))},
	}
	next, _ := core.Next(s, in)
	var after struct {
		Policies map[string][]float64
		Ups      any
		Paces    []struct{ Ups, Downs []int64 }
	}
	if err := json.Unmarshal([]byte(text(t, next)), &after); err != nil {
		t.Fatal(err)
	}
	if after.Policies["retired"] == nil || len(after.Paces) != 4 || after.Ups != nil {
		t.Fatalf("became %s", text(t, next))
	}
	for i, p := range after.Paces[1:] { // of a minute and more
		if len(p.Ups) < 3 || len(p.Downs) < 3 {
			t.Errorf("period %d has forgotten the changes: %s", i+1, text(t, next))
		}
	}
}

// The ends of what a State may hold: each is read, and what is just beyond is
// refused.
func TestStateRanges(t *testing.T) {
	last := strconv.FormatInt((253402300799+62135596800)*1000+999, 10)
	repeat := func(s string, n int) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }
	memories := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, `"`+strconv.Itoa(i)+`":[0]`)
		}
		return strings.Join(names, ",")
	}
	for name, tc := range map[string]struct {
		format    string
		good, bad []string
	}{
		"last":            {`"last":%s`, []string{"0", last}, []string{"-1", last + "0"}},
		"last up":         {`"last":90,"last_up":%s`, []string{"0", "90"}, []string{"-1", "91"}},
		"last down":       {`"last":90,"last_down":%s`, []string{"0", "90"}, []string{"-1", "91"}},
		"observed":        {`"observed":%s`, []string{"0", last}, []string{"-1", last + "0"}},
		"busy":            {`"observed":90,"busy":%s`, []string{"0", "90"}, []string{"-1", "91"}},
		"unaged":          {`"observed":90,"unaged":%s`, []string{"0", "91"}, []string{"-1", "92"}},
		"surge":           {`"observed":90,"surge":%s`, []string{"0", "91"}, []string{"-1", "92"}},
		"burst":           {`"observed":90,"burst":%s`, []string{"0", "91"}, []string{"-1", "92"}},
		"bad":             {`"observed":90,"bad":%s`, []string{"0", "91"}, []string{"-1", "92"}},
		"good data":       {`"good":[%s,0,0]`, []string{"0", "900000"}, []string{"-1", "900001"}},
		"good":            {`"good":[0,%s,0]`, []string{"0", "1048576"}, []string{"-1", "1048577"}},
		"good before":     {`"good":[0,0,%s]`, []string{"0", "1048576"}, []string{"-1", "1048577"}},
		"from":            {`"from":%s`, []string{"0", "1048576"}, []string{"-1", "1048577"}},
		"decided":         {`"decided":%s`, []string{"0", "1048576"}, []string{"-1", "1048577"}},
		"paid":            {`"paid":%s`, []string{"0", "4194304"}, []string{"-1", "4194305"}},
		"month":           {`"bills":[{"month":%s,"spent":1}]`, []string{"12", "119999"}, []string{"11", "120000"}},
		"month before":    {`"bills":[{"month":12,"spent":1},{"month":%s,"spent":1}]`, []string{"12", "119999"}, []string{"0", "11", "120000"}},
		"spent":           {`"bills":[{"month":12,"spent":%s}]`, []string{"0", "1e300"}, []string{"-1e-9", "1e999"}},
		"bills":           {`"bills":[%s]`, []string{"", repeat(`{"month":12,"spent":0}`, 2)}, []string{repeat(`{"month":12,"spent":0}`, 3)}},
		"width":           {`"down":{"width":%s,"head":0,"cells":[1]}`, []string{"1", "604800000"}, []string{"-1", "0", "604800001"}},
		"no width":        {`"up":{"width":0,"head":%s,"cells":[]}`, []string{"0"}, []string{"-1", "1"}},
		"head":            {`"observed":90,"up":{"width":10,"head":%s,"cells":[]}`, []string{"0", "9"}, []string{"-1", "10"}},
		"cells":           {`"up":{"width":10,"head":0,"cells":[%s]}`, []string{"0", "1048577", repeat("1", 64)}, []string{"-1", "1048578", repeat("1", 65)}},
		"periods":         {`"paces":[%s]`, []string{`{"ms":1},{"ms":2},{"ms":3},{"ms":86400000}`}, []string{`{"ms":0}`, `{"ms":-1}`, `{"ms":86400001}`, `{"ms":2},{"ms":2}`, `{"ms":2},{"ms":1}`, `{"ms":1},{"ms":2},{"ms":3},{"ms":4},{"ms":5}`}},
		"both forms, up":  {`"last":9,"paces":[{"ms":1}]%s`, []string{""}, []string{`,"ups":[[1,2,3]]`, `,"downs":[[1,2,3]]`}},
		"ups":             {`"last":90,"paces":[{"ms":60000,"ups":[%s]}]`, []string{"", "0,0,1", "0,90,1", "90,0,1", "0,0,1048576", "40,50,2,30,10,2", repeat("0,0,1", 16)}, []string{"0", "0,0", "-1,0,1", "0,-1,1", "0,91,1", "91,0,1", "1,90,1", "0,0,0", "0,0,1048577", "40,50,2,30,11,2", repeat("0,0,1", 17)}},
		"downs":           {`"last":90,"paces":[{"ms":60000,"downs":[%s]}]`, []string{"", "0,90,1"}, []string{"0", "0,91,1"}},
		"earlier ups":     {`"last":90,"ups":[%s]`, []string{"", "[0,0,1]", "[90,90,1048576]", "[1,2,1],[2,2,1]", repeat("[1,1,1]", 16)}, []string{"[-1,0,1]", "[2,1,1]", "[1,91,1]", "[1,1,0]", "[1,1,1048577]", "[1,2,1],[1,3,1]", repeat("[1,1,1]", 17)}},
		"earlier downs":   {`"last":90,"downs":[%s]`, []string{"[90,90,1]"}, []string{"[90,91,1]"}},
		"policies":        {`"policies":{%s}`, []string{"", memories(32)}, []string{memories(33)}},
		"words":           {`"policies":{"a":[1],"b":[%s]}`, []string{repeat("0", 383)}, []string{repeat("0", 384)}},
		"name":            {`"policies":{"%s":[1]}`, []string{"a", strings.Repeat("x", 48)}, []string{"", "a b", strings.Repeat("x", 49)}},
		"unknown members": {`%s`, []string{`"later":1`}, nil},
	} {
		for _, x := range tc.good {
			var s, again decide.State
			if err := json.Unmarshal([]byte(`{"v":1,`+fmt.Sprintf(tc.format, x)+`}`), &s); err != nil {
				t.Errorf("%s of %.60s: %v", name, x, err)
			} else if err := json.Unmarshal([]byte(text(t, s)), &again); err != nil || !again.Equal(&s) {
				t.Errorf("%s of %.60s does not come back: %v", name, x, err)
			}
		}
		for _, x := range tc.bad {
			var s decide.State
			if err := json.Unmarshal([]byte(`{"v":1,`+fmt.Sprintf(tc.format, x)+`}`), &s); !errors.Is(err, decide.ErrState) {
				t.Errorf("%s of %.60s: error is %v, want ErrState", name, x, err)
			}
		}
	}
	long := `{"v":1` + strings.Repeat(" ", decide.MaxStateBytes-7) + `}`
	var s decide.State
	if err := s.UnmarshalJSON([]byte(long)); err != nil {
		t.Errorf("%d bytes: %v", len(long), err)
	}
	if err := s.UnmarshalJSON([]byte(long + " ")); !errors.Is(err, decide.ErrState) {
		t.Errorf("%d bytes: %v", len(long)+1, err)
	}
}

// States that differ in anything are not equal, and nothing of one gets lost.
func TestStatesDifferInEverything(t *testing.T) {
	const base = `{"v":1,"last":90,"observed":90`
	others := []string{
		``, `,"started":true`, `,"last_up":1`, `,"last_down":1`, `,"from":1`, `,"decided":1`, `,"busy":1`, `,"unaged":1`, `,"spoilt":true`,
		`,"surge":1`, `,"burst":1`, `,"bad":1`, `,"good":[1,0,0]`, `,"good":[0,1,0]`, `,"good":[0,0,1]`, `,"paid":1`,
		`,"up":{"width":10,"head":9,"cells":[1]}`, `,"up":{"width":10,"head":8,"cells":[1]}`, `,"up":{"width":10,"head":9,"cells":[0,1]}`,
		`,"down":{"width":10,"head":9,"cells":[1]}`, `,"paces":[{"ms":60000}]`, `,"paces":[{"ms":60000,"ups":[0,0,1]}]`, `,"paces":[{"ms":60000,"downs":[0,0,1]}]`,
		`,"ups":[[1,1,1]]`, `,"downs":[[1,1,1]]`, `,"bills":[{"month":12,"spent":0}]`, `,"bills":[{"month":12,"spent":1}]`,
		`,"bills":[{"month":13,"spent":1},{"month":12,"spent":1}]`, `,"policies":{"a":[0]}`, `,"policies":{"a":[1]}`, `,"policies":{"b":[1]}`, `,"policies":{"a":[1,1]}`,
	}
	texts := []string{`{"v":1}`, `{"v":1,"last":91,"observed":90}`, `{"v":1,"last":90,"observed":91}`}
	for _, o := range others {
		texts = append(texts, base+o+`}`)
	}
	states := make([]decide.State, len(texts))
	for i, text := range texts {
		if err := json.Unmarshal([]byte(text), &states[i]); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	for i := range states {
		for j := range states {
			if same := i == j; states[i].Equal(&states[j]) != same || (text(t, states[i]) == text(t, states[j])) != same {
				t.Errorf("%s and %s: Equal is %v", texts[i], texts[j], states[i].Equal(&states[j]))
			}
		}
	}
	// A policy without memory is as none, and the order does not count.
	var a, b decide.State
	if json.Unmarshal([]byte(`{"v":1,"policies":{"b":[2],"a":[1],"c":[]}}`), &a) != nil || json.Unmarshal([]byte(`{"v":1,"policies":{"a":[1],"b":[2]}}`), &b) != nil || !a.Equal(&b) {
		t.Errorf("%s and %s are not equal", text(t, a), text(t, b))
	}
}
