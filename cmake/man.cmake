# SPDX-License-Identifier: Apache-2.0
# Puts the option table's man text into the page.
cmake_minimum_required(VERSION 3.25)
file(READ ${BEFORE} page)
file(READ ${OPTIONS} options)
string(REPLACE "%OPTIONS%" "${options}" page "${page}")
file(WRITE ${OUT} "${page}")
