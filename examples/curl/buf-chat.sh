#!/bin/sh
# The same over gRPC without generated code: buf reads the schema from the server by reflection.
#
#   sh examples/curl/buf-chat.sh "How was your day?"
#
# TRIMTAB_ADDRESS (default localhost:50051), TRIMTAB_STEERING (default {"recipe": "refusal"}), BUF (default npx buf).
set -eu
address=${TRIMTAB_ADDRESS:-localhost:50051}
steering=${TRIMTAB_STEERING:-'{"recipe": "refusal"}'}
content=${1:-How was your day?}

${BUF:-npx buf} curl --protocol grpc --http2-prior-knowledge \
  "http://$address/trimtab.gateway.v1.GatewayService/Generate" -d '{
  "spec": {
    "conversation": {"messages": [{"role": "user", "content": "'"$content"'"}]},
    "sampling": {"temperature": 0}, "max_tokens": 32,
    "steering": {"use": '"$steering"', "proof": true}
  }
}'
