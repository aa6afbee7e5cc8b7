module github.com/evenkeel/evenkeel/internal/testenv

go 1.26.0

require github.com/evenkeel/evenkeel v0.0.0

replace github.com/evenkeel/evenkeel => ../../
