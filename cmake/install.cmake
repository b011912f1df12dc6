# SPDX-License-Identifier: Apache-2.0
# make install: program, library, headers, pkg-config, man pages, completion, systemd unit.
set(PC_LIBS "-lpthread -lm")
foreach(dep PCAP ZSTD YAML SECCOMP OPENSSL CURL TLS XXHASH MICROHTTPD RDKAFKA HIREDIS NATS PQ SQLITE CJSON)
    if(${dep}_FOUND)
        string(REPLACE ";" " -l" libs "${${dep}_LIBRARIES}")
        string(APPEND PC_LIBS " -l${libs}")
    endif()
endforeach()
if(ZLIB_FOUND)
    string(APPEND PC_LIBS " -lz")
endif()
configure_file(packaging/flowtap.pc.in ${CMAKE_BINARY_DIR}/flowtap.pc @ONLY)
configure_file(packaging/flowtap.service.in ${CMAKE_BINARY_DIR}/flowtap.service @ONLY)
configure_file(packaging/flowtap-collect.service.in ${CMAKE_BINARY_DIR}/flowtap-collect.service @ONLY)
configure_file(packaging/flowtap.1.in ${CMAKE_BINARY_DIR}/flowtap.1.in @ONLY)

# the parts that come from the option table are made by the program itself, so they cannot drift
add_custom_command(
    OUTPUT ${CMAKE_BINARY_DIR}/flowtap.bash ${CMAKE_BINARY_DIR}/flowtap.1
    COMMAND flowtap_cli __dump-options bash > ${CMAKE_BINARY_DIR}/flowtap.bash
    COMMAND flowtap_cli __dump-options man > ${CMAKE_BINARY_DIR}/options.man
    COMMAND flowtap_cli __dump-options outputs-man > ${CMAKE_BINARY_DIR}/outputs.man
    COMMAND ${CMAKE_COMMAND} -DBEFORE=${CMAKE_BINARY_DIR}/flowtap.1.in
            -DOPTIONS=${CMAKE_BINARY_DIR}/options.man
            -DPARAMETERS=${CMAKE_BINARY_DIR}/outputs.man -DOUT=${CMAKE_BINARY_DIR}/flowtap.1
            -P ${CMAKE_SOURCE_DIR}/cmake/man.cmake
    DEPENDS flowtap_cli ${CMAKE_BINARY_DIR}/flowtap.1.in cmake/man.cmake)
add_custom_target(flowtap_docs ALL DEPENDS ${CMAKE_BINARY_DIR}/flowtap.bash ${CMAKE_BINARY_DIR}/flowtap.1)

install(TARGETS flowtap_cli flowtap RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/flowtap DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/flowtap.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/flowtap.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${CMAKE_BINARY_DIR}/flowtap.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME flowtap)
install(FILES ${CMAKE_BINARY_DIR}/flowtap.service ${CMAKE_BINARY_DIR}/flowtap-collect.service DESTINATION lib/systemd/system)
install(FILES packaging/flowtap.yaml packaging/collect.yaml packaging/prometheus/alerts.yml packaging/grafana/flowtap.json
        examples/embed.c examples/sample.pcap DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/flowtap)
install(DIRECTORY deploy/clickhouse DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/flowtap/deploy USE_SOURCE_PERMISSIONS
        PATTERN __pycache__ EXCLUDE)
