// Package actuate makes it so: it brings a fleet to the count that was decided,
// safely, whatever the platform.
package actuate
