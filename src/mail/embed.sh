#!/bin/sh
# embed.sh FILE...: prints C source that holds the built-in templates, for mail/template_files.h.
set -eu

echo '#include "mail/template_files.h"'
number=0
for file; do
    echo "static const unsigned char data_${number}[] = {"
    od -An -v -tx1 "$file" | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
    echo '0};'
    number=$((number + 1))
done

echo 'const struct template_built_in templates_built_in[] = {'
number=0
for file; do
    echo "{\"${file##*/}\", data_$number, sizeof data_$number - 1},"
    number=$((number + 1))
done
echo '{0, 0, 0}};'
