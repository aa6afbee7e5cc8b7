package grpcgate

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// RetryAfter returns when the server that refused a call said to come back: the
// google.rpc.RetryInfo of err's status. ok is false where it said nothing.
func RetryAfter(err error) (after time.Duration, ok bool) {
	if err == nil {
		return 0, false
	}
	for _, d := range status.Convert(err).Details() {
		if info, is := d.(*errdetails.RetryInfo); is && info.GetRetryDelay() != nil {
			return max(info.GetRetryDelay().AsDuration(), 0), true
		}
	}
	return 0, false
}
