// Package examples holds complete programs, one a folder.
package examples
