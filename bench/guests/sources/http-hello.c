/* Answers as the constant server does, with the count of its calls: an instance that is not pristine says more than 1. */
#include "c.h"

static char answered[] = "{\"id\":\"0000000000000000\",\"count\":0}";

__attribute__((export_name("wasi:http/incoming-handler@0.2.0#handle"))) void handle(int32_t request, int32_t outparam) {
  request_drop(request);
  answer answer = respond(outparam, 200, "application/json");
  answered[sizeof answered - 3]++;
  write_text(answer, answered);
  finish(answer);
}
