#include <gtest/gtest.h>
TEST(Layer, Dummy) {}
