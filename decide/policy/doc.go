// Package policy reads scaling policies from files that people write.
package policy
