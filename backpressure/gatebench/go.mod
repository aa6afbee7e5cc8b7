module github.com/evenkeel/evenkeel/backpressure/gatebench

go 1.26.0

require github.com/evenkeel/evenkeel v0.0.0

replace github.com/evenkeel/evenkeel => ../../
