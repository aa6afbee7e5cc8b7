package policy

import (
	"embed"
	"slices"
	"strings"
)

//go:embed presets/*.yaml
var presetFiles embed.FS

// Presets returns the names of the policies that come with the package, in
// alphabetical order. They are ordinary policy files: print them with [Preset],
// change them, or extend them.
func Presets() []string {
	entries, err := presetFiles.ReadDir("presets")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(names)
	return names
}

// Preset returns the text of a preset, and whether there is one of that name.
func Preset(name string) (string, bool) {
	return presetText(name)
}

func presetText(name string) (string, bool) {
	text, err := presetFiles.ReadFile("presets/" + name + ".yaml")
	return string(text), err == nil
}
