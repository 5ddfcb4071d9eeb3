/** Recorded cases that are not replayed, and why. With those of `recorded/*.json` they are all that was recorded. */
export const leftOut: Readonly<Record<string, string>> = {
  'TestLambdaBaseFeatures::test_assume_role[2]': 'needs IAM roles: functions have no credentials here',
  'TestLambdaBehavior::test_lambda_init_environment': "shows files and variables of AWS's Linux sandbox",
  'TestLambdaBehavior::test_lambda_invoke_timed_out_environment_reuse':
    'shows that files and globals outlive an invocation; here nothing does',
  'TestLambdaBehavior::test_runtime_introspection_arm': "shows AWS's Linux sandbox",
  'TestLambdaBehavior::test_runtime_introspection_x86': "shows AWS's Linux sandbox",
  'TestLambdaBehavior::test_runtime_ulimits': "shows AWS's Linux sandbox",
  'TestLambdaConcurrency::test_provisioned_concurrency_init_failure':
    'init runs when a function is deployed: one that fails is never provisioned',
  'TestLambdaErrors::test_lambda_runtime_wrapper_not_found': 'needs exec wrappers, which are processes',
  'TestLambdaFeatures::test_invoke_exceptions':
    'contradicts a newer recording of the same answer (function_name_and_qualifier_validation): the ARN with `:$LATEST`',
  'TestLambdaFeatures::test_upload_lambda_from_s3': 'needs S3',
  'TestLambdaFunction::test_invalid_vpc_config_security_group': 'needs EC2',
  'TestLambdaFunction::test_invalid_vpc_config_subnet': 'needs EC2',
  'TestLambdaFunction::test_lambda_code_location_s3_errors': 'needs S3',
  'TestLambdaMultiAccounts::test_function_alias': 'nothing was recorded',
  'TestLambdaMultiAccounts::test_function_concurrency': 'nothing was recorded',
  'TestLambdaMultiAccounts::test_get_function': 'nothing was recorded',
  'TestLambdaMultiAccounts::test_get_function_configuration': 'nothing was recorded',
  'TestLambdaMultiAccounts::test_publish_version': 'nothing was recorded',
  'TestLambdaURL::test_function_url_with_response_streaming': 'needs responses that stream',
  'TestLambdaURL::test_lambda_url_invocation_custom_id': 'nothing was recorded',
  'TestLambdaURL::test_lambda_url_invocation_custom_id_aliased': 'nothing was recorded',
  'TestSQSEventSourceMapping::test_sqs_event_source_mapping_batching_behaviour[100]': 'nothing was recorded',
}

const why = {
  part: 'the rest of the case is held where a function can be invoked and its events followed',
  logs: "needs CloudWatch Logs' API",
  made: 'how functions are made and shown is held in the cases of TestLambdaFunction',
  older: 'recorded before LoggingConfig and newer members were added to the answer',
  empty: 'an empty 204, which the tests of the operation look at',
  awsFailure: "AWS's own failure, a 500",
  sqs: "SQS's answer, held in test/api/sqs",
  invoked: 'versions are invoked in test/e2e/versions.test.ts',
  timing: 'held in replay.concurrency, where the data plane can be stopped in between',
  urls: 'held in replay.function-urls',
}

/** Steps of replayed cases that are not compared. By case. */
export const leftOutSteps: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'TestLambdaConcurrency::test_reserved_concurrency': {
    exc_no_cap_requestresponse: why.part,
    fn: why.part,
    put_event_invoke_conf: why.part,
  },
  'TestLambdaDLQ::test_dead_letter_queue': {
    invoke_result: why.part,
    log_result: why.logs,
  },
  'TestLambdaFeatures::test_invocation_type_event_error': {
    creation_response: why.made,
    log_events: why.logs,
  },
  'TestLambdaConcurrency::test_lambda_provisioned_concurrency_moves_with_alias': {
    'create-result': why.older,
    'get-function-configuration': why.older,
    get_function_after_provisioned: why.older,
    get_function_after_update: why.older,
    get_function_before_provisioned: why.older,
    get_function_configuration_version_1: why.older,
    publish_version_1: why.older,
    publish_version_2: why.older,
  },
  'TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_exceptions': {
    delete_alias: why.empty,
    delete_latest: why.empty,
    delete_version: why.empty,
  },
  'TestLambdaUrl::test_url_config_deletion_without_qualifier': {
    delete_function_url_config: why.empty,
  },
  'TestLambdaUrl::test_url_config_exceptions': {
    delete_function_url_config_qualifier_alias_doesnotmatch_arn: why.awsFailure,
  },
  'TestSQSEventSourceMapping::test_sqs_event_source_mapping_batch_size[1000]': {
    'send-message-batch-result-10': why.sqs,
    'send-message-batch-result-5': why.sqs,
  },
  'TestSQSEventSourceMapping::test_sqs_event_source_mapping_batch_size[100]': {
    'send-message-batch-result-10': why.sqs,
    'send-message-batch-result-5': why.sqs,
  },
  test_failing_lambda_retries_after_visibility_timeout: {
    get_destination_queue_url: why.sqs,
  },
  test_report_batch_item_failures: {
    get_destination_queue_url: why.sqs,
    send_message_batch: why.sqs,
  },
  test_report_batch_item_failures_empty_json_batch_succeeds: {
    get_destination_queue_url: why.sqs,
  },
  test_report_batch_item_failures_invalid_result_json_batch_fails: {
    get_destination_queue_url: why.sqs,
  },
  'TestLambdaFunction::test_function_lifecycle': {
    delete_response: why.empty,
  },
  'TestLambdaFunction::test_list_functions': {
    create_response_1: why.made,
    create_response_2: why.made,
    list_all: why.older,
  },
  'TestLambdaVersions::test_lambda_versions_with_code_changes': {
    invocation_result_latest: why.invoked,
    invocation_result_latest_end: why.invoked,
    invocation_result_v1: why.invoked,
    invocation_result_v1_end: why.invoked,
    invocation_result_v2: why.invoked,
    invocation_result_v2_end: why.invoked,
    invocation_result_v3: why.invoked,
  },
  'TestLambdaBehavior::test_lambda_invoke_no_timeout': {
    'create-result': why.made,
  },
  'TestLambdaConcurrency::test_reserved_provisioned_overlap': {
    get_provisioned_prewait: why.timing,
    put_provisioned_5: why.timing,
    update_func_config: why.made,
  },
  'TestLambdaFeatures::test_basic_invoke': {
    lambda_create_fn: why.made,
    lambda_create_fn_2: why.made,
    lambda_get_fn: why.made,
    lambda_get_fn_2: why.made,
  },
  'TestLambdaFeatures::test_lambda_environment': {
    'creation-result': why.made,
    'get-configuration-result': why.made,
  },
  'TestRequestIdHandling::test_request_id_invoke': {
    log_entries: why.logs,
  },
  'TestRequestIdHandling::test_request_id_invoke_url': {
    add_permission: why.urls,
    create_lambda_url_config: why.urls,
  },
}
