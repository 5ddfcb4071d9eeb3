#define THAW_IMPLEMENTATION
#include "thaw.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static thaw_text text(const char *chars) { return (thaw_text){chars, strlen(chars)}; }

static thaw_outcome fail(const char *type, const char *message) {
  return (thaw_outcome){.is_error = 1, .error = {text(type), text(message), {(const thaw_text *)4, 0}}};
}

/* The event is a JSON string; the answer says how many characters, as they are written, and words it has. */
thaw_outcome handler(const thaw_invocation *invocation) {
  const char *event = invocation->event.bytes;
  size_t length = invocation->event.length;
  if (length < 2 || event[0] != '"') return fail("Event.Invalid", "the event is no JSON string");

  const char *setting = getenv("SHORTEST_WORD"); /* wasi-libc: the function's own variables */
  int shortest = setting == NULL ? 1 : atoi(setting);
  int characters = 0, words = 0, in_word = 0;
  for (size_t at = 1; at + 1 < length; at++) {
    unsigned char byte = event[at];
    if ((byte & 0xc0) == 0x80) continue; /* UTF-8: goes on with a character that is counted */
    characters++;
    in_word = isspace(byte) ? 0 : in_word + 1;
    if (in_word == shortest) words++;
  }
  printf("%zu bytes for %.*s\n", length, (int)invocation->function_name.length, invocation->function_name.bytes);
  fflush(stdout);

  static char answer[64];
  snprintf(answer, sizeof answer, "{\"characters\":%d,\"words\":%d}", characters, words);
  return (thaw_outcome){.payload = text(answer)};
}
