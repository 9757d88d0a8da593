#include "viz/png_file.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>

static void convert_row(const uint32_t *pixels, int width, uint8_t *row)
{
    for (int x = 0; x < width; x++) {
        row[3 * x] = (uint8_t)(pixels[x] >> 16);
        row[3 * x + 1] = (uint8_t)(pixels[x] >> 8);
        row[3 * x + 2] = (uint8_t)pixels[x];
    }
}

static void write_rows(png_structp png, png_infop info, struct paint *paint, uint8_t *row)
{
    int width = paint_width(paint), height = paint_height(paint);
    size_t row_bytes;
    const uint32_t *pixels = paint_pixels(paint, &row_bytes);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, 9);
    png_write_info(png, info);
    for (int y = 0; y < height; y++) {
        convert_row(pixels + (size_t)y * row_bytes / sizeof *pixels, width, row);
        png_write_row(png, row);
    }
    png_write_end(png, info);
}

/* libpng would print a line of its own: who asked for the picture says what went wrong. */
static void on_error(png_structp png, png_const_charp message)
{
    (void)message;
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

bool png_write_picture(FILE *file, struct paint *paint)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    uint8_t *row = malloc((size_t)paint_width(paint) * 3);
    volatile bool is_written = false;
    if (info != NULL && row != NULL && setjmp(png_jmpbuf(png)) == 0) {
        png_init_io(png, file);
        write_rows(png, info, paint, row);
        is_written = true;
    }
    free(row);
    png_destroy_write_struct(&png, &info);
    return is_written;
}
