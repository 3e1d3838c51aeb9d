/*
 * A part of a JPEG picture, decoded by libjpeg-turbo: what packages/data/src/jpeg.ts calls.
 *
 * One picture at a time. What goes wrong, warnings included, ends in refuse(), which throws in JavaScript and does not return; the
 * caller restores the stack, and the next picture cleans up behind it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "jpeglib.h"

extern void refuse(int code) __attribute__((import_module("env"), import_name("refuse"), noreturn));

/* Upsampling looks at neighbours: so many columns more than asked for are decoded on either side. */
#define MARGIN 32
#define ROWS_AT_ONCE 4
/* resample.c reads so many bytes too far. */
#define SLACK 16

static struct jpeg_decompress_struct picture;
static struct jpeg_error_mgr errors;
static unsigned char *input, *output;
static unsigned char *work;
static size_t input_room, output_room, work_room;
static JDIMENSION left;

static void give_up(j_common_ptr any) { refuse(any->err->msg_code); }

/* Level -1 is a warning: damaged data. */
static void on_message(j_common_ptr any, int level) {
  if (level < 0) give_up(any);
}

static void keep_quiet(j_common_ptr any) { (void)any; }

static unsigned char *grow(unsigned char *memory, size_t *room, size_t bytes) {
  if (bytes <= *room) return memory;
  free(memory);
  memory = malloc(bytes);
  *room = memory == NULL ? 0 : bytes;
  if (memory == NULL) refuse(-1);
  return memory;
}

/* Memory for a file; and for what is made of its pixels. */
unsigned char *room_for(size_t bytes) { return input = grow(input, &input_room, bytes); }
unsigned char *work_for(size_t bytes) { return work = grow(work, &work_room, bytes); }

/* Reads the header of the file in that memory; gives the number of colours. */
int open_picture(size_t bytes) {
  if (picture.err == NULL) {
    picture.err = jpeg_std_error(&errors);
    errors.error_exit = give_up;
    errors.emit_message = on_message;
    errors.output_message = keep_quiet;
    jpeg_create_decompress(&picture);
  } else {
    jpeg_abort_decompress(&picture);
  }
  jpeg_mem_src(&picture, input, bytes);
  jpeg_read_header(&picture, TRUE);
  return picture.num_components;
}

unsigned picture_width(void) { return picture.image_width; }
unsigned picture_height(void) { return picture.image_height; }

/* Decodes a part, at least; gives the address of its pixels, in grey or red, green, blue. The rows are exactly those asked for. */
unsigned char *decode_part(unsigned x, unsigned y, unsigned width, unsigned height) {
  picture.out_color_space = picture.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  picture.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&picture);
  left = 0;
  if (width < picture.output_width) {
    JDIMENSION end = x + width + MARGIN;
    JDIMENSION columns;
    left = x > MARGIN ? x - MARGIN : 0;
    columns = (end < picture.output_width ? end : picture.output_width) - left;
    jpeg_crop_scanline(&picture, &left, &columns);
  }
  size_t row = (size_t)picture.output_width * picture.output_components;
  output = grow(output, &output_room, row * height + SLACK);
  if (y > 0) jpeg_skip_scanlines(&picture, y);
  for (unsigned done = 0; done < height;) {
    JSAMPROW rows[ROWS_AT_ONCE];
    unsigned count = 0;
    for (; count < ROWS_AT_ONCE && done + count < height; count++) rows[count] = output + row * (done + count);
    done += jpeg_read_scanlines(&picture, rows, count);
  }
  return output;
}

/* The first column of the part that was decoded, and how many it has. */
unsigned part_left(void) { return left; }
unsigned part_width(void) { return picture.output_width; }
