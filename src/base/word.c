#include "base/word.h"

struct place word_place_at(const struct word *word, size_t offset, size_t width)
{
    struct place place = word->place;
    size_t quotes = word->quoted ? 2 : 0;
    if (place.width != word->text.len + quotes || offset > word->text.len)
        return place;
    place.column += (unsigned)(offset + quotes / 2);
    place.width = width > 0 ? (unsigned)width : 1;
    return place;
}
