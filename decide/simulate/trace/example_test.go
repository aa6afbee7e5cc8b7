package trace_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/trace"
)

func ExampleParse() {
	_, err := trace.Parse(strings.NewReader("arrival_s,input_tokens,output_tokens\n0.0,374,44\n-1,396,109\n"), "chat.csv")
	fmt.Println(err)

	t, err := trace.Parse(strings.NewReader("arrival_s,input_tokens,output_tokens\n0.0,374,44\n4.3,396,109\n5.0,20,7\n"), "chat.csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range t.Busiest(time.Second).Speed(2) {
		fmt.Println(r.At, r.Input, r.Output)
	}
	// Output:
	// chat.csv:3: arrival_s is "-1": it must not be negative
	// 0s 396 109
	// 350ms 20 7
}

func ExampleDay() {
	day, err := trace.Day(1, trace.Shape{Length: 75 * time.Second, Mean: 8, Peak: 24})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(day) > 400, day.Span() < 75*time.Second)
	// Output: true true
}
