#!/bin/sh
# samples.sh FILE...: prints C source that holds the sample bodies, for tool/samples.h. A file is
# PATH/PROVIDER/NAME.json or .txt.
set -eu

echo '#include "tool/samples.h"'
number=0
for file; do
    echo "static const unsigned char data_${number}[] = {"
    od -An -v -tx1 "$file" | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
    echo '};'
    number=$((number + 1))
done

echo 'const struct sample samples[] = {'
number=0
for file; do
    folder=${file%/*}
    provider=$(echo "${folder##*/}" | tr '[:lower:]' '[:upper:]')
    name=${file##*/}
    case $name in
    *.json) type=application/json ;;
    *) type=application/x-www-form-urlencoded ;;
    esac
    echo "{PROVIDER_$provider, \"${name%.*}\", \"$type\", data_$number, sizeof data_$number},"
    number=$((number + 1))
done
echo '{PROVIDERS, 0, 0, 0, 0}};'
