#!/bin/sh
# A steered chat as server-sent events of the OpenAI-compatible API.
#
#   sh examples/curl/chat.sh "How was your day?"
#
# TRIMTAB_URL (default http://localhost:8080), TRIMTAB_STEERING (default {"recipe": "refusal"}).
set -eu
url=${TRIMTAB_URL:-http://localhost:8080}
steering=${TRIMTAB_STEERING:-'{"recipe": "refusal"}'}
content=${1:-How was your day?}
model=$(curl -sf "$url/v1/models" | sed 's/.*"data":\[{"id":"\([^"]*\)".*/\1/')

curl -sfN "$url/v1/chat/completions" -H 'content-type: application/json' -d '{
  "model": "'"$model"'",
  "messages": [{"role": "user", "content": "'"$content"'"}],
  "temperature": 0, "max_tokens": 32, "stream": true,
  "stream_options": {"include_usage": true},
  "steering": '"$steering"'
}'
