/* The canonical ABI of thaw:function/handler@0.1.0 (guest-sdk/wit/function.wit), as wasm32 has it. */
#ifndef THAW_H
#define THAW_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Not terminated by NUL. */
typedef struct { const char *bytes; size_t length; } thaw_text;
typedef struct { uint8_t is_some; thaw_text value; } thaw_option_text;

typedef struct {
  thaw_text event; /* JSON by convention */
  thaw_text aws_request_id, function_name, function_version, invoked_function_arn;
  uint32_t memory_limit_in_mb;
  thaw_text log_group_name, log_stream_name;
  uint64_t deadline_ms; /* since the Unix epoch */
  thaw_option_text client_context, tenant_id, trace_id;
} thaw_invocation;

typedef struct {
  uint8_t is_error;
  union {
    thaw_text payload;
    struct { thaw_text type, message; struct { const thaw_text *lines; size_t length; } trace; } error;
  };
} thaw_outcome;

_Static_assert(offsetof(thaw_invocation, deadline_ms) == 64 && offsetof(thaw_invocation, trace_id) == 96, "layout");
_Static_assert(offsetof(thaw_outcome, payload) == 4 && sizeof(thaw_outcome) == 28, "layout");

/* The function. Nothing needs to be freed: every invocation starts from the snapshot. */
thaw_outcome handler(const thaw_invocation *invocation);

/* What the component is made from; in one file only. */
#ifdef THAW_IMPLEMENTATION
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  (void)old_size;
  if (size == 0) return (void *)align;
  void *block = realloc(old, size);
  if (block == NULL) abort();
  return block;
}

__attribute__((export_name("thaw:function/handler@0.1.0#handle"))) thaw_outcome *thaw_handle(thaw_invocation *invocation) {
  static thaw_outcome outcome;
  outcome = handler(invocation);
  return &outcome;
}
#endif
#endif
