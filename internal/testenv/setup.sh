#!/bin/sh
# Makes a browser available to the tests of this module, where that can be done:
# as root, on a system with apt, with a network. Quick when one is there already.
# Never fails: the tests skip themselves, in one line, when there is no browser.
set -u

for b in chromium chromium-browser google-chrome; do
	command -v "$b" >/dev/null 2>&1 && exit 0
done

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "testenv: no browser, and none can be installed here (needs root and apt): browser tests will be skipped"
	exit 0
fi

log=$(mktemp) || exit 0
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { timeout 120 apt-get update && timeout 420 apt-get install -y --no-install-recommends chromium fonts-dejavu-core; } >"$log" 2>&1; then
	echo "testenv: chromium could not be installed: browser tests will be skipped ($(tail -n 1 "$log"))"
	exit 0
fi
# A type face closer to what people have on their own machines; not needed.
timeout 120 apt-get install -y --no-install-recommends fonts-inter >/dev/null 2>&1
exit 0
