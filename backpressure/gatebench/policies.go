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
	slotPolicies     = slices.Concat([]string{"evenkeel", "none"}, caps, []string{"vegas", "gradient2", "aimd", "envoy", "codel-lifo", "dagor"}, slotPeers)
	enginePolicies   = slices.Concat([]string{"evenkeel", bestCap, "none"}, caps, tokenCaps, []string{"vegas", "gradient2", "aimd", "envoy"}, enginePeers)
	unitPolicies     = slices.Concat([]string{"evenkeel", "none", "cap-32", "cap-256", "vegas", "gradient2", "aimd", "envoy"}, unitPeers)
	tenantPolicies   = slices.Concat([]string{"evenkeel", "none", "cap-32", "gradient2", "codel-lifo"}, callerPeers)
	priorityPolicies = slices.Concat([]string{"evenkeel", "none", "cap-32", "gradient2", "dagor"}, callerPeers)
	retryPolicies    = slices.Concat([]string{"evenkeel", "none", "cap-32", "gradient2", "codel-lifo", "dagor"}, retryPeers)
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
	case "vegas":
		return newAdaptive(newVegas(e.rng()), 20, false), nil
	case "gradient2":
		return newAdaptive(newGradient2(), 20, true), nil
	case "aimd":
		return newAdaptive(newAIMD(), 20, true), nil
	case "envoy":
		return newEnvoy(e.rng()), nil
	case "codel-lifo":
		return &codel{slots: e.slots}, nil
	case "dagor":
		return &dagor{}, nil
	}
	return nil, fmt.Errorf("there is no policy %q", name)
}
