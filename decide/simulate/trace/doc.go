// Package trace reads workload traces, and makes small ones: when requests
// arrived at an inference service, and how many tokens each of them took.
//
// A trace is a CSV file, plain or gzipped (.gz), with one row a request, sorted
// by arrival:
//
//	arrival_s,input_tokens,output_tokens
//	0.000,374,44
//	4.315,396,109
//
// Columns are found by name; further ones are ignored. A file is read whole or
// refused: an error names the file and the line, and nothing of a damaged file
// is ever replayed.
//
//	day, err := trace.Read("conversation.csv.gz")
//	if err != nil {
//		return err // conversation.csv.gz:17: arrival_s is "x": …
//	}
//	rush := day.Busiest(10 * time.Minute).Speed(8) // 75 s, eight times as dense
//
// [Day] synthesises a bursty day in miniature where no recorded trace is at hand.
//
// A [Trace] is a plain slice. Its methods never change it, so that one trace may
// be shared by any number of goroutines.
package trace
