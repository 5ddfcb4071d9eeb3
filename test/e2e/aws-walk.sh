#!/usr/bin/env bash
# Walks the AWS command line through a function's life, against the server at $1: create, publish, alias shift, invoke,
# asynchronous invocation with a destination, a mapping, delete. Prints one line a step; ends with 0 if all held.
set -u -o pipefail
endpoint=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-any} AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-any}
export AWS_DEFAULT_REGION=us-east-1 AWS_PAGER='' AWS_MAX_ATTEMPTS=1 AWS_EC2_METADATA_DISABLED=true
raw=''
case $(aws --version 2>&1) in aws-cli/1*) ;; *) raw='--cli-binary-format raw-in-base64-out' ;; esac

lambda() { aws --endpoint-url "$endpoint" --output text lambda "$@"; }
sqs() { aws --endpoint-url "$endpoint" --output text sqs "$@"; }

step() { printf '%s\n' "$1"; }
fail() {
  printf 'FAILED: %s\n' "$1" >&2
  exit 1
}
expect() { [ "$2" = "$3" ] || fail "$1: expected '$3', got '$2'"; step "$1: $2"; }

package() {
  printf '%s' "$1" >"$folder/index.mjs"
  (cd "$folder" && rm -f code.zip && python3 -c "import zipfile; zipfile.ZipFile('code.zip','w').write('index.mjs')")
}
invoke() {
  # shellcheck disable=SC2086
  lambda invoke --function-name "$1" --payload "$2" $raw "${@:3}" "$folder/answer" >"$folder/status" || fail "invoke $1"
}

package 'export const handler = async (event) => ({ version: "one", name: event.name ?? null })'
lambda create-function --function-name walk --runtime nodejs24.x --handler index.handler \
  --role arn:aws:iam::000000000000:role/any --zip-file "fileb://$folder/code.zip" >/dev/null || fail create
lambda wait function-active-v2 --function-name walk || fail 'wait for active'
expect 'state' "$(lambda get-function --function-name walk --query Configuration.State)" Active
invoke walk '{"name":"walker"}'
expect 'invoke' "$(cat "$folder/answer")" '{"version":"one","name":"walker"}'

expect 'publish' "$(lambda publish-version --function-name walk --description first --query Version)" 1
expect 'publish, unchanged' "$(lambda publish-version --function-name walk --query Version)" 1
package 'export const handler = async (event) => ({ version: "two", records: event.Records?.length ?? 0 })'
lambda update-function-code --function-name walk --zip-file "fileb://$folder/code.zip" >/dev/null || fail update
lambda wait function-updated-v2 --function-name walk || fail 'wait for the update'
expect 'publish, changed' "$(lambda publish-version --function-name walk --query Version)" 2
expect 'versions' "$(lambda list-versions-by-function --function-name walk --query 'Versions[].Version' | tr '\t' ' ')" '$LATEST 1 2'

lambda create-alias --function-name walk --name live --function-version 1 >/dev/null || fail 'create alias'
invoke walk '{}' --qualifier live
expect 'alias' "$(cat "$folder/answer")" '{"version":"one","name":null}'
lambda update-alias --function-name walk --name live --routing-config '{"AdditionalVersionWeights":{"2":1.0}}' >/dev/null ||
  fail 'alias weights'
invoke walk '{}' --qualifier live
expect 'alias, shifted by weight' "$(cat "$folder/answer")" '{"version":"two","records":0}'
lambda update-alias --function-name walk --name live --function-version 2 --routing-config '{}' >/dev/null || fail 'shift'
expect 'alias, shifted' "$(lambda get-alias --function-name walk --name live --query FunctionVersion)" 2

queue=$(sqs create-queue --queue-name walk-results --query QueueUrl) || fail 'create queue'
queue_arn=$(sqs get-queue-attributes --queue-url "$queue" --attribute-names QueueArn --query Attributes.QueueArn)
lambda put-function-event-invoke-config --function-name walk --maximum-retry-attempts 0 \
  --destination-config "{\"OnSuccess\":{\"Destination\":\"$queue_arn\"}}" >/dev/null || fail 'event invoke config'
invoke walk '{"async":true}' --invocation-type Event
expect 'asynchronous invocation' "$(cat "$folder/status")" 202
message=$(sqs receive-message --queue-url "$queue" --wait-time-seconds 10 --query 'Messages[0].Body')
condition=$(python3 -c 'import json,sys; print(json.loads(sys.argv[1])["requestContext"]["condition"])' "$message")
expect 'destination' "$condition" Success
lambda delete-function-event-invoke-config --function-name walk || fail 'delete event invoke config'

source=$(sqs create-queue --queue-name walk-source --query QueueUrl) || fail 'create the source'
source_arn=$(sqs get-queue-attributes --queue-url "$source" --attribute-names QueueArn --query Attributes.QueueArn)
package "export const handler = async (event) => { if (event.Records[0].body !== 'hello') throw new Error('other') }"
lambda update-function-code --function-name walk --zip-file "fileb://$folder/code.zip" >/dev/null || fail 'update again'
lambda wait function-updated-v2 --function-name walk || fail 'wait for the second update'
uuid=$(lambda create-event-source-mapping --function-name walk --event-source-arn "$source_arn" --batch-size 1 --query UUID)
for _ in $(seq 1 100); do
  state=$(lambda get-event-source-mapping --uuid "$uuid" --query State)
  [ "$state" = Enabled ] && break
done
expect 'mapping' "$state" Enabled
sqs send-message --queue-url "$source" --message-body hello >/dev/null || fail 'send'
left='?'
for _ in $(seq 1 100); do
  left=$(sqs get-queue-attributes --queue-url "$source" --query 'Attributes.[ApproximateNumberOfMessages,ApproximateNumberOfMessagesNotVisible]' \
    --attribute-names ApproximateNumberOfMessages ApproximateNumberOfMessagesNotVisible | tr '\t' ' ')
  [ "$left" = '0 0' ] && break
done
expect 'messages left after the mapping took them' "$left" '0 0'
lambda delete-event-source-mapping --uuid "$uuid" --query State >/dev/null || fail 'delete mapping'

lambda delete-function --function-name walk --qualifier 1 || fail 'delete a version'
if lambda delete-function --function-name walk --qualifier 2 2>"$folder/refused"; then fail 'a version in use was deleted'; fi
step 'a version in use is kept'
lambda delete-alias --function-name walk --name live || fail 'delete alias'
lambda delete-function --function-name walk || fail 'delete function'
if lambda get-function --function-name walk >/dev/null 2>"$folder/gone"; then fail 'the function is still there'; fi
grep -q ResourceNotFoundException "$folder/gone" || fail "$(cat "$folder/gone")"
step 'deleted'
sqs delete-queue --queue-url "$queue" && sqs delete-queue --queue-url "$source" || fail 'delete queues'
step 'walked'
