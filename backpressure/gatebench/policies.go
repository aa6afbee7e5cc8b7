package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The policies that a scenario runs by default.
var (
	caps = []string{"cap-32", "cap-64", "cap-128", "cap-256"}
	// tokenCaps are swept: the best of them, and of caps, is best-cap.
	tokenCaps = []string{"tokens-3k", "tokens-6k", "tokens-10k", "tokens-15k", "tokens-20k", "tokens-25k", "tokens-30k",
		"tokens-40k", "tokens-50k", "tokens-70k", "tokens-100k"}
	slotPolicies   = slices.Concat([]string{"evenkeel", "none"}, caps)
	enginePolicies = slices.Concat([]string{"evenkeel", bestCap, "none"}, caps, tokenCaps)
)

const bestCap = "best-cap"

// isCap reports whether a policy is a static cap.
func isCap(policy string) bool {
	return strings.HasPrefix(policy, "cap-") || strings.HasPrefix(policy, "tokens-")
}

// build makes the policy of that name, if it runs in this program.
func build(name string, e env) (policy, error) {
	if n, ok := strings.CutPrefix(name, "cap-"); ok {
		if limit, err := strconv.Atoi(n); err == nil && limit > 0 {
			return &requestCap{n: limit}, nil
		}
	}
	if n, ok := strings.CutPrefix(name, "tokens-"); ok {
		if limit, err := strconv.Atoi(strings.TrimSuffix(n, "k")); err == nil && limit > 0 {
			return &tokenCap{n: 1000 * limit}, nil
		}
	}
	switch name {
	case "evenkeel":
		return newEvenkeel(e)
	case "none":
		return none{}, nil
	}
	return nil, fmt.Errorf("there is no policy %q", name)
}
