/* Writes its clock's nanoseconds as soon as it is called, and ends 10 ms later: what was written first must not wait for that. */
#include "c.h"
#include <stdio.h>

IMPORT("wasi:clocks/monotonic-clock@0.2.0", "now") uint64_t now(void);

__attribute__((export_name("wasi:http/incoming-handler@0.2.0#handle"))) void handle(int32_t request, int32_t outparam) {
  char line[32];
  request_drop(request);
  answer answer = respond(outparam, 200, "text/plain");
  write_bytes(answer, line, snprintf(line, sizeof line, "%llu\n", (unsigned long long)now()));
  int32_t pollable = subscribe_duration(10 * 1000000);
  pollable_block(pollable);
  pollable_drop(pollable);
  write_text(answer, "end\n");
  finish(answer);
}
