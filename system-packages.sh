#!/bin/sh
# Install the system programs that Diptych uses where the user may, else say what is missing and what that costs.
# Nothing here is fatal: without them the rest works. `test`: also what only the tests need.
set -u

packages=""
missing() { # program, package, cost
    command -v "$1" >/dev/null 2>&1 && return
    packages="$packages $2"
    echo "missing: $1 (package $2). Without it $3." >&2
}
missing pdftoppm poppler-utils "pages that MuPDF cannot draw stay without an image"
missing soffice "libreoffice-impress libreoffice-writer" "slides and text documents have no page images, and DOC, PPT and ODP files cannot be read"
if command -v soffice >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1; then # each part is a package of its own
    for part in impress writer; do
        case "$(dpkg-query -W -f='${Status}' "libreoffice-$part" 2>/dev/null)" in *" installed") continue ;; esac
        packages="$packages libreoffice-$part"
        echo "missing: LibreOffice's $part (package libreoffice-$part). Without it its files have no page images." >&2
    done
fi
missing tesseract tesseract-ocr "pages without text are read by RapidOCR, several times slower"
if [ "${1:-}" = test ] && ! command -v chromium-browser >/dev/null 2>&1 && ! command -v google-chrome >/dev/null 2>&1; then
    missing chromium chromium "the search page is not tested"
fi
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Install them with your system's package manager." >&2
    exit 0
fi
if [ "$(id -u)" -eq 0 ]; then
    root=""
elif sudo -n true 2>/dev/null; then
    root="sudo -n"
else
    echo "To mend it: sudo apt-get install$packages" >&2
    exit 0
fi
echo "installing:$packages" >&2
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the list is words on purpose
if $root apt-get update -qq >"$log" 2>&1 && $root apt-get install -y -qq --no-install-recommends $packages >>"$log" 2>&1
then
    echo "installed:$packages" >&2
else
    tail -n 3 "$log" >&2
    echo "They could not be installed; going on without. To mend it: apt-get install$packages" >&2
fi
rm -f "$log"
